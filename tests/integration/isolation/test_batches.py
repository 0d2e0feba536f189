"""A batch with killers in it, in `process` mode: nobody else notices."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from muster.isolation.caller import Ended
from muster.isolation.in_process import InProcess
from muster.job import Job
from tests.support.isolated import gone, write_agent
from tests.support.waiting import wait_until
from tests.support.worker import Workshop

KILLS = """
    if job.id == "raises": raise ValueError("no")
    if job.id == "hangs": time.sleep(600)
    if job.id == "exits": os._exit(0)
    if job.id == "segfaults": ctypes.string_at(0)
    if job.id == "hungry": b"x" * (2 << 30)
    return "fine"
"""


class SoonTired(InProcess):
    """Waits for what hangs no longer than it must, and for the start of the others as long as that takes."""

    def call(self, job: Job, *, limit: timedelta) -> Ended:
        return super().call(job, limit=limit if job.id == "hangs" else timedelta(minutes=1))


def test_the_neighbours_of_killers_complete_at_their_first_delivery(
    workshop: Callable[..., Workshop], tmp_path: Path
):
    """F26: one raises, one hangs, others kill their process; each is charged for itself alone."""
    # Given a batch of ten, half of which are killers
    caller = SoonTired(
        write_agent(tmp_path / "kills", KILLS), environ=os.environ, memory_bytes=512 << 20
    )
    shop = workshop(caller=caller, timeout=timedelta(seconds=2), max_attempts=2)
    fine = [f"fine-{number}" for number in range(5)]
    shop.send(
        "raises",
        fine[0],
        "hangs",
        fine[1],
        "exits",
        fine[2],
        "segfaults",
        fine[3],
        "hungry",
        fine[4],
    )
    # When it is delivered once
    shop.deliver()
    # Then the neighbours are done, and each killer waits for its next attempt with what it was
    rows = shop.clerk.query("SELECT job_id, status, attempts, error FROM agent_job_execution")
    assert {r["job_id"] for r in rows if r["status"] == "completed"} == set(fine)
    codes = {r["job_id"]: r["error"]["code"] for r in rows if r["status"] == "pending"}
    assert codes == {
        "raises": "agent_error",
        "hangs": "timeout",
        "exits": "exited",
        "segfaults": "killed",
        "hungry": "out_of_memory",
    }
    assert {r["attempts"] for r in rows} == {1}
    # And at the end of their budgets they are dead letters, nobody else is
    shop.settle_down()
    assert {letter["muster-job"] for letter in shop.letters()} == set(codes)


class Stop(BaseException):
    """What a host raises to stop a call."""


def test_a_host_with_threads_can_stop_a_call(tmp_path: Path):
    # Given a job that runs in a thread's child process
    started = tmp_path / "started"
    agent = write_agent(
        tmp_path / "sleeps",
        f"pathlib.Path({str(started)!r}).write_text(str(os.getpid())); time.sleep(600)",
    )
    stopped: list[BaseException] = []

    def run() -> None:
        caller = InProcess(agent, environ=os.environ)
        try:
            caller.call(Job(id="1", params={}), limit=timedelta(minutes=10))
        except Stop as stop:
            stopped.append(stop)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: started.exists() and started.read_text())
    # When the host raises an exception in that thread
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Stop)
    )
    thread.join(60)
    # Then the call ends at once, and so did the job
    assert len(stopped) == 1
    assert gone(int(started.read_text()))


@pytest.mark.parametrize("own", [True, False])
def test_only_a_folder_of_its_own_is_swept(tmp_path: Path, own: bool):
    # Given a worker's folder with a file in it, and a job that leaves what resists removal
    swept = tmp_path / "tmp"
    (swept / "before").mkdir(parents=True)
    agent = write_agent(
        tmp_path / "leaves",
        f"""
        place = pathlib.Path({str(swept)!r}) / "left"
        place.mkdir()
        (place / "file").write_text("x")
        (place / "link").symlink_to("/")
        place.chmod(0)
        pathlib.Path({str(swept)!r}, "single").touch()
        """,
    )
    caller = InProcess(agent, environ=os.environ, parent=tmp_path, sweep=swept if own else None)
    # When it ran
    caller.call(Job(id="1", params={}), limit=timedelta(minutes=1))
    # Then what it left is gone only where the folder is the worker's own
    left = {entry.name for entry in swept.iterdir()}
    assert left == ({"before"} if own else {"before", "left", "single"})
    if not own:
        (swept / "left").chmod(0o700)
