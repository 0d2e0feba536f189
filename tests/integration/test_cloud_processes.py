"""Processes are known by more than a pid, locks die with their holder, children with their starter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from local.process.child import Child
from local.process.identity import ProcessIdentity
from local.process.lock import FileLock
from tests.support.cloud import PATIENCE, wait_for
from tests.support.source import ROOT

#: A process with a child of its own, both of which ignore what they can ignore. Each line is one write.
_STUBBORN = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    print(f"{os.getpid()}\\n", end="", flush=True)
print(f"{os.getpid()}\\n", end="", flush=True)
time.sleep(600)
"""

#: Starts the above on a lifeline and waits.
_STARTER = """
import os, sys, time
from pathlib import Path
from local.process.child import Child
child = Child(
    [sys.executable, "-c", sys.argv[1]], environment=dict(os.environ), directory=Path.cwd(), output=1
)
print(f"{child.process.pid}\\n", end="", flush=True)
time.sleep(600)
"""


def _gone(pid: int) -> bool:
    return not ProcessIdentity.of(pid).alive()


def test_a_pid_that_was_reused_is_another_process():
    # Given this process's identity, and one that had its pid before
    own = ProcessIdentity.own()
    before = ProcessIdentity(pid=own.pid, started="earlier")
    # When they are asked for
    # Then only this one lives, and a signal to the other reaches nobody
    assert own.alive()
    assert not before.alive()
    before.send(signal.SIGKILL)


def test_a_process_that_ended_is_not_alive_even_as_a_zombie():
    # Given a process
    program = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(program.pid)
    assert identity.alive()
    # When it ends, and nobody has asked for its code yet
    program.kill()
    # Then it is not alive
    wait_for(lambda: not identity.alive(), what="its end")
    program.communicate()
    assert not identity.alive()
    assert not ProcessIdentity.of(program.pid).alive()


def test_a_lock_is_one_holders_and_ends_with_it(tmp_path: Path):
    # Given a process that holds a lock, with a child of its own
    path = tmp_path / "folder" / "lock"
    script = textwrap.dedent("""
        import subprocess, sys
        from pathlib import Path
        from local.process.lock import FileLock
        lock = FileLock(Path(sys.argv[1]))
        assert lock.try_acquire()
        child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
        print(child.pid, flush=True)
        input()
    """)
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    orphan = int(holder.stdout.readline())
    lock = FileLock(path)
    assert lock.taken()
    assert lock.acquire(timeout=0.1) is False
    # When it is killed, while its child lives on
    holder.kill()
    holder.communicate()
    # Then the lock is free
    assert lock.acquire(timeout=PATIENCE) is True
    # And a held lock knows whether its file is still the one that others see
    assert lock.in_place()
    path.unlink()
    assert not lock.in_place()
    lock.release()
    os.kill(orphan, signal.SIGKILL)


def test_what_is_on_a_lifeline_dies_with_its_starter():
    # Given a starter of a stubborn process, which has a child itself
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTER, _STUBBORN], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    pids = {int(starter.stdout.readline()) for _ in range(4)}
    assert len(pids) == 3
    # When the starter is killed outright
    starter.kill()
    # Then lifeline, process and child all end
    wait_for(lambda: all(_gone(pid) for pid in pids), what="the end of all")
    starter.communicate()


def test_a_child_ends_with_all_it_started_and_its_code_is_told():
    # Given a stubborn child
    with tempfile.TemporaryFile("w+") as output:
        child = Child(
            [sys.executable, "-c", _STUBBORN],
            environment=dict(os.environ),
            directory=ROOT,
            output=output.fileno(),
        )

        def told() -> list[str]:
            output.seek(0)
            return output.read().split()

        pids = {int(pid) for pid in wait_for(lambda: len(told()) == 3 and told(), what="pids")}
        assert child.exit_code() is None
        # When it is asked to stop, in vain
        child.stop(grace=0.2)
        # Then it is killed, with its own child
        assert child.exit_code() is not None
        wait_for(lambda: all(_gone(pid) for pid in pids), what="the end of all")


def test_a_childs_own_end_is_its_code():
    # Given a child that ends by itself
    child = Child(
        [sys.executable, "-c", "raise SystemExit(7)"],
        environment=dict(os.environ),
        directory=ROOT,
        output=subprocess.DEVNULL,
    )
    # When it has
    wait_for(lambda: child.exit_code() is not None, what="its end")
    # Then the code is its own
    assert child.exit_code() == 7
    child.kill()
