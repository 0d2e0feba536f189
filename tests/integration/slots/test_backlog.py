"""A lane with a long queue: the message that asked first may not come again for long, and others do."""

from __future__ import annotations

from muster.store.slots import Slot
from tests.integration.slots.conftest import Gate


def test_a_lane_with_a_long_queue_starts_a_job_within_a_minute_too(gate: Gate):
    # Given a flood of urgent jobs of a second each, and a long queue of low, none of which soon comes twice
    held: list[Slot] = [gate.gets("urgent")]
    gate.refused("urgent", "another")
    started: list[str] = []
    age = 0.0
    # When a worker of each asks every second for a minute, that of low for another message every 3 s
    for second in range(60):
        gate.slots.release(held)
        age = 10_000 - 10 * second if second % 3 == 0 else age
        held = []
        for lane, holder in (("low", "low"), ("urgent", f"urgent-{second}")):
            answer = gate.ask(lane, holder, age=age if lane == "low" else 1)
            if isinstance(answer, Slot):
                held.append(answer)
                started.append(lane)
        gate.ask("urgent", "another", age=1)
        gate.skip(1)
    # Then low had its turns, urgent the most, and the slot was kept idle for little of it
    assert started.count("low") >= 2
    assert started.count("urgent") > 3 * started.count("low")
    assert len(started) >= 40
