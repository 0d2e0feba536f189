"""A4: `concurrency = 1` means one, over all lanes and workers."""

from __future__ import annotations

from functools import partial

import pytest

from tests.support.clerk import Clerk, query
from tests.support.counted_worker import WORKERS, counted_worker
from tests.support.racers import Racers

ROUNDS = 200


def _round(number: int) -> list[list[str]]:
    """Jobs of one round: two for each process."""
    return [[f"{number}-{worker}-{n}" for n in "ab"] for worker in range(WORKERS)]


@pytest.fixture
def founded(database_url: str) -> str:
    """A database with the agent registered."""
    clerk = Clerk(database_url)
    clerk.register()
    clerk.close()
    return database_url


@pytest.mark.slow
def test_one_at_once_is_never_two_in_200_rounds(founded: str):
    """Three lanes with two processes each start at the same moment, 200 times."""
    # Given six processes of an agent with one slot
    with Racers(founded, count=WORKERS, life=counted_worker) as racers:
        # When all of them have jobs at once, again and again
        crowded = [
            job for n in range(ROUNDS) for answer in racers.race(_round(n)) for job in answer
        ]
    # Then no job ever ran beside another, and every one ran once
    assert crowded == []
    [told] = query(
        founded,
        "SELECT count(*) AS jobs, max(fence) AS claims, min(status) AS least, max(status) AS most"
        " FROM agent_job_execution",
    )
    assert told == {
        "jobs": ROUNDS * WORKERS * 2,
        "claims": 1,
        "least": "completed",
        "most": "completed",
    }
    # And nothing is left behind
    assert query(founded, "TABLE agent_slot") == []


def test_the_jobs_would_notice_if_two_ran_at_once(founded: str):
    # Given the same processes with a slot for each
    life = partial(counted_worker, capacity=WORKERS)
    with Racers(founded, count=WORKERS, life=life) as racers:
        crowded = [job for n in range(20) for answer in racers.race(_round(n)) for job in answer]
    # Then some jobs meet others
    assert crowded
