"""Every claim that this process holds has a place of its own, until it is settled."""

from __future__ import annotations

from ecs_listener.holdings import Holdings
from tests.support.held import holding


def test_a_job_that_was_lost_and_came_back_is_held_when_its_first_attempt_lets_go():
    # Given a job whose lease was lost: its message came again and was claimed anew, by this very process,
    # while the function of its first attempt is still being stopped
    holdings = Holdings(left=lambda: None, dispose=lambda _parcel, _fate: None)
    first, second = holding(holdings, fence=1), holding(holdings, fence=2)
    # When the first one has stopped at last
    holdings.ended(first)
    holdings.abandon(first)
    # Then the second one is still renewed and watched
    assert holdings.holdings() == [second]
    holdings.ended(second)
    holdings.abandon(second)
    assert holdings.holdings() == []
    assert len(holdings) == 0
