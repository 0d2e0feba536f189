"""What follows for intake from what was metered, whatever came before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from muster.intake.decision import BUDGET, Change, Present, decide

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

dollars = st.floats(min_value=0, max_value=1e6)
limits = st.none() | st.floats(min_value=0.01, max_value=1e6)
ends = st.none() | st.sampled_from([NOW - HOUR, NOW, NOW + HOUR])
presents = st.builds(
    Present, stopped=st.booleans(), changed_by=st.sampled_from([None, BUDGET, "ann"]), ends_at=ends
)


def _after(change: Change | None, before: Present) -> Present:
    """As the store writes it down."""
    match change:
        case Change.STOP:
            return Present(stopped=True, changed_by=BUDGET, ends_at=NOW + 48 * HOUR)
        case Change.RESUME:
            return Present(stopped=False, changed_by=BUDGET, ends_at=None)
        case None:
            return before


@given(spent=dollars, limit=limits, present=presents)
def test_what_a_person_has_stopped_stays_stopped(
    spent: float, limit: float | None, present: Present
):
    change = decide(spent=spent, limit=limit, now=NOW, present=present)
    if present.stopped and present.changed_by == "ann":
        assert change is None


@given(spent=dollars, limit=limits, present=presents)
def test_afterwards_the_doors_are_closed_exactly_when_the_limit_is_reached_unless_a_person_decides(
    spent: float, limit: float | None, present: Present
):
    after = _after(decide(spent=spent, limit=limit, now=NOW, present=present), present)
    if after.changed_by != "ann":
        closed = after.stopped and after.holds(NOW)
        assert closed == (limit is not None and spent >= limit)


@given(spent=dollars, limit=limits, present=presents)
def test_a_decision_is_made_once(spent: float, limit: float | None, present: Present):
    after = _after(decide(spent=spent, limit=limit, now=NOW, present=present), present)
    assert decide(spent=spent, limit=limit, now=NOW, present=after) is None


@given(spent=dollars, present=presents)
def test_without_a_limit_nothing_is_stopped_and_the_budgets_stop_ends(
    spent: float, present: Present
):
    change = decide(spent=spent, limit=None, now=NOW, present=present)
    resumed = present.stopped and present.changed_by != "ann"
    assert change is (Change.RESUME if resumed else None)


def test_a_person_who_resumed_against_the_budget_is_obeyed_until_the_month_ends():
    # Given what ann resumed although the limit was reached
    resumed = Present(stopped=False, changed_by="ann", ends_at=NOW + HOUR)
    # Then the budget leaves it so while that month lasts, and no longer
    assert decide(spent=2, limit=1, now=NOW, present=resumed) is None
    assert decide(spent=2, limit=1, now=NOW + HOUR, present=resumed) is Change.STOP
