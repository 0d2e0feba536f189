"""A listener dies at every place where that matters; another one brings its jobs to their ends."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.listening import HOLD, Rig
from tests.support.waiting import wait_until

PLACES = (
    "claim.before",
    "claim.after",
    "run.before",
    "run.after",
    "settle.before",
    "settle.after",
    "dead_letter.before_send",
    "dead_letter.after_send",
    "dead_letter.after_clear",
)
CASES = [
    *((place, "exit") for place in PLACES),
    ("claim.after", "raise"),
    ("settle.before", "stop"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("place", "how"), CASES, ids=lambda value: value)
def test_wherever_a_listener_dies_its_jobs_come_to_their_ends(rig: Rig, place: str, how: str):
    # Given a listener that dies at this place with a good job and one that always fails
    rig.agent(retries=3)
    doomed = rig.start(hold=HOLD, MUSTER_CRASHPOINT=f"{place}={how}")
    rig.send("good", do="effect")
    rig.send("bad", do="fail")
    if how == "stop":
        wait_until(lambda: _stopped(doomed.pid))
    else:
        assert doomed.ends(within=120) == (137 if how == "exit" else 70)
    # When another one is there
    rig.start()
    # Then both jobs end as they should, recorded once, with one dead letter
    rig.at_rest()
    if how == "stop":
        doomed.signal(signal.SIGCONT)
        wait_until(lambda: doomed.health() and doomed.metric("messages_held") == 0)
    assert (rig.status("good"), rig.status("bad")) == ("completed", "failed")
    assert 0 in rig.steps("good")
    assert len(set(rig.letters())) == 1
    assert rig.problems() == []


def _stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
