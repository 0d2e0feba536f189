"""Who leads: by a lease with a term, taken over after a crash and after renewals that failed (P2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from muster.errors import MusterError
from muster.fleet_settings import FleetSettings
from muster.leadership import Hooks, Leadership
from muster.store.connection import Database
from muster.store.leases import Leases
from tests.support.clerk import database_of, query
from tests.support.proxy import FaultProxy
from tests.support.timepiece import Timepiece

TERM = FleetSettings().leader_term


@dataclass
class Candidate:
    """A process that would like to lead, and what it was told."""

    database: Database
    leadership: Leadership
    clock: Timepiece
    became: list[int] = field(default_factory=list[int])
    lost: list[int] = field(default_factory=list[int])
    errors: list[MusterError] = field(default_factory=list[MusterError])


MakeCandidate = Callable[..., Candidate]


@pytest.fixture
def candidate(database_url: str) -> Iterator[MakeCandidate]:
    """`candidate(name)`: one more that competes for the same leadership."""
    made: list[Candidate] = []

    def make(name: str, *, url: str = database_url) -> Candidate:
        database, clock = database_of(url, call_seconds=60.0, retry_seconds=0.1), Timepiece()
        became: list[int] = []
        lost: list[int] = []
        errors: list[MusterError] = []
        leadership = Leadership(
            leases=Leases(database),
            name="leader:tester",
            holder=name,
            term=TERM,
            clock=clock,
            hooks=Hooks(
                became_leader=became.append, lost_leadership=lost.append, on_error=errors.append
            ),
        )
        made.append(Candidate(database, leadership, clock, became, lost, errors))
        return made[-1]

    yield make
    for each in made:
        each.database.close()


def _pass(url: str, time: timedelta, *candidates: Candidate) -> None:
    """Let time pass, for the ledger and for these processes."""
    query(url, "UPDATE lease SET expires_at = expires_at - %s RETURNING 1", time)
    for each in candidates:
        each.clock.skip(time)


def test_one_of_those_that_ask_leads_and_is_told_once(candidate: MakeCandidate):
    first, second = candidate("first"), candidate("second")
    assert [first.leadership.ask(), second.leadership.ask(), first.leadership.ask()] == [
        True,
        False,
        True,
    ]
    assert (len(first.became), first.lost, second.became) == (1, [], [])
    assert first.leadership.fence == first.became[0]
    assert second.leadership.fence is None


def test_a_leader_that_crashed_is_replaced_within_one_ttl(
    candidate: MakeCandidate, database_url: str
):
    # Given a leader that asks no more
    dead, heir = candidate("dead"), candidate("heir")
    dead.leadership.ask()
    fleet = FleetSettings()
    asked_after = 0.0
    # When the other goes on to ask as often as it does
    while not heir.leadership.ask():
        _pass(database_url, timedelta(seconds=fleet.election_interval), heir)
        asked_after += fleet.election_interval
    # Then it leads within the TTL, and its fencing number is higher
    assert asked_after <= fleet.leader_ttl
    assert heir.became[0] > dead.became[0]
    # And the first, come back, is told that it has lost, once
    dead.clock.skip(TERM)
    assert [dead.leadership.ask(), dead.leadership.ask()] == [False, False]
    assert dead.lost == dead.became


def test_a_leader_whose_renewals_fail_knows_it_when_its_term_ends_and_is_replaced(
    candidate: MakeCandidate, database_url: str
):
    with FaultProxy(database_url) as proxy:
        # Given a leader whose way to Postgres breaks
        cut_off, heir = candidate("cut-off", url=proxy.url), candidate("heir")
        cut_off.leadership.ask()
        proxy.refuse()
        # When it cannot renew, it leads on for as long as nobody else can have been let in
        assert cut_off.leadership.ask()
        assert len(cut_off.errors) == 1
        assert cut_off.lost == []
        assert not heir.leadership.ask()
        # Then at the end of its term it is told, whether or not it can ask
        _pass(database_url, TERM + timedelta(seconds=1), cut_off)
        assert not cut_off.leadership.leads
        cut_off.leadership.look()
        assert cut_off.lost == cut_off.became
        # And the other takes over
        assert heir.leadership.ask()
        # And when the way is mended, the first follows
        proxy.open()
        assert not cut_off.leadership.ask()
        assert len(cut_off.lost) == 1


def test_deleting_the_row_never_repeats_a_fencing_number(
    candidate: MakeCandidate, database_url: str
):
    """The documented fix by hand: whoever led is told that it lost, and that it leads anew."""
    leader = candidate("leader")
    for _ in range(3):
        leader.leadership.ask()
        query(database_url, "DELETE FROM lease RETURNING 1")
    leader.leadership.ask()
    assert leader.became == sorted(set(leader.became))
    assert len(leader.became) == 4
    assert leader.lost == leader.became[:-1]


def test_a_leadership_that_is_given_back_is_free_at_once(candidate: MakeCandidate):
    first, second = candidate("first"), candidate("second")
    first.leadership.ask()
    first.leadership.resign()
    assert first.lost == first.became
    assert second.leadership.ask()
    # And giving it back again takes nothing from the other
    first.leadership.resign()
    assert second.leadership.ask()
    assert second.lost == []
