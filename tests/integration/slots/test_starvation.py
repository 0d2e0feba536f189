"""A4: no lane starves another, also where the whole agent may do but one thing at a time."""

from __future__ import annotations

import pytest

from tests.support.clerk import Clerk
from tests.support.counted_worker import LANES, WORKERS, flooded_worker
from tests.support.racers import Racers

#: Seconds of overload, in which `low` gets its turns by the bound of its wait. Nothing is shrunk:
#: processes, Postgres and clock are real.
SECONDS = 20


@pytest.mark.slow
def test_low_starts_within_60_s_while_urgent_and_normal_have_more_than_can_be_done(
    database_url: str,
):
    # Given an agent with one slot, and two workers for each of its lanes
    clerk = Clerk(database_url)
    clerk.register()
    clerk.close()
    # When urgent and normal never run out of jobs, and low always has two
    with Racers(database_url, count=WORKERS, life=flooded_worker) as racers:
        answers = racers.race([SECONDS] * WORKERS)
    waited = {
        lane: [seconds for n, answer in enumerate(answers) for seconds in answer if n % 3 == place]
        for place, lane in enumerate(LANES)
    }
    # Then low and normal started again and again, within a third of low's minute
    assert len(waited["low"]) >= 2
    assert len(waited["normal"]) >= 2
    # And most of the time was urgent's
    assert len(waited["urgent"]) > 3 * len(waited["normal"] + waited["low"])
