"""Jobs that end their process, or will not end: each is recorded as what it was, and harms only itself."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from muster.errors import JobTimeout, RetryableError
from tests.integration.isolation.conftest import Isolate
from tests.support.isolated import gone, write_agent
from tests.support.source import ROOT
from tests.support.waiting import wait_until

MIB = 1024 * 1024

#: Seconds of a job that is waited for, and time enough for it to begin on a slow machine.
_SHORT = 5.0


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("os._exit(0)", "exited", "exited with 0"),
        ("os._exit(7)", "exited", "exited with 7"),
        ("ctypes.string_at(0)", "killed", "SIGSEGV"),
        ("os.abort()", "killed", "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed", "SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)", "agent_error", ""),
        ("os.kill(os.getppid(), signal.SIGKILL); time.sleep(30)", "killed", "nobody could say"),
        ("sys.exit(3)", "agent_error", "3"),
        ("os.close(0); os.close(1); os.close(2); os._exit(1)", "exited", "exited with 1"),
        ("b'x' * (2 << 30)", "out_of_memory", ""),
    ],
)
def test_a_killer_dies_alone_and_is_recorded_as_what_it_was(
    isolate: Isolate, body: str, code: str, said: str
):
    """F26: the process that a job ends is its own."""
    # Given an agent whose job ends its process
    agent = isolate(f"if job.id == 'killer':\n    {body}\nreturn 'fine'", memory_bytes=512 * MIB)
    # When it is called, and its neighbour after it
    ended = agent.call(id="killer")
    # Then the worker lives, knows what it was, and would try it again
    assert isinstance(ended.error, RetryableError)
    assert ended.error.code == code
    assert said in str(ended.error)
    assert agent.call(id="neighbour").result == "fine"


def test_a_segfault_leaves_its_stack_in_the_log(isolate: Isolate):
    agent = isolate("ctypes.string_at(0)")
    agent.call()
    assert any("agent.py" in line for line in agent.printed())


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(600)",
        "while True: pass",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "while True:\n    try: time.sleep(600)\n    except BaseException: pass",
        "os.kill(os.getppid(), signal.SIGSTOP); time.sleep(600)",
    ],
)
def test_a_job_that_hangs_is_stopped_at_its_timeout(isolate: Isolate, body: str):
    # Given a job that hangs, whatever it is asked
    agent = isolate("print(os.getpid(), flush=True)\n" + body)
    started = time.monotonic()
    # When its time is over
    ended = agent.call(limit=_SHORT)
    # Then it is over, for a good
    assert isinstance(ended.error, JobTimeout)
    assert f"{_SHORT:g} s" in str(ended.error)
    assert time.monotonic() - started < 60
    assert gone(int(agent.printed()[0]))


def test_a_job_that_is_stopped_may_tidy_up(isolate: Isolate, tmp_path: Path):
    # Given a job that tidies up when it ends
    agent = isolate(
        f"try: time.sleep(600)\nfinally: pathlib.Path({str(tmp_path / 'tidy')!r}).touch()"
    )
    # When it is stopped
    ended = agent.call(limit=_SHORT)
    # Then it did, and its timeout is what is told
    assert isinstance(ended.error, JobTimeout)
    assert (tmp_path / "tidy").exists()


def test_gigabytes_of_output_end_the_job_and_not_the_worker(isolate: Isolate):
    # Given a job that prints without end
    agent = isolate("line = 'x' * 65536\nwhile True: print(line)")
    # When it runs
    ended = agent.call(limit=60)
    # Then it is stopped, and the log holds a bounded part and how much there was
    assert ended.error is not None
    assert ended.error.code == "output_too_large"
    assert sum(map(len, agent.printed())) < MIB
    assert "are not shown" in agent.printed()[-1]


def test_a_result_that_is_too_large_is_refused_for_good(isolate: Isolate):
    ended = isolate("return 'x' * (33 << 20)").call()
    assert ended.record is not None
    assert (ended.record.code, ended.record.retryable) == ("result_too_large", False)


def test_what_forks_and_daemonizes_does_not_outlive_the_job(isolate: Isolate, tmp_path: Path):
    # Given a job that starts what tries to get away, in every way
    pids = tmp_path / "pids"
    agent = isolate(
        f"""
        def note():
            with open({str(pids)!r}, "a") as file: print(os.getpid(), file=file)
        for _ in range(2):  # a daemon: two forks and a session of its own
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    note()
                    time.sleep(600)
                os._exit(0)
            os.wait()
        command = "import time, os; open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\\\n'); time.sleep(600)"
        subprocess.Popen([sys.executable, "-c", command], start_new_session=True, env={{}})
        while len(open({str(pids)!r}).read().split()) < 3: time.sleep(0.01)
        return "done"
        """
    )
    # When it ends by itself
    ended = agent.call()
    # Then none of them is left
    assert ended.result == "done"
    started = [int(pid) for pid in pids.read_text("ascii").split()]
    assert len(started) == 3
    assert all(gone(pid) for pid in started)


def test_what_daemonized_does_not_outlive_a_job_that_killed_its_guard(
    isolate: Isolate, tmp_path: Path
):
    # Given a worker with a child of its own, and a job that starts a daemon and kills what watches it
    pids = tmp_path / "pids"
    own = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    )
    agent = isolate(
        f"""
        if os.fork() == 0:
            os.setsid()
            pathlib.Path({str(pids)!r}).write_text(str(os.getpid()))
            time.sleep(600)
        while not os.path.exists({str(pids)!r}) or not os.path.getsize({str(pids)!r}): time.sleep(0.01)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
        """
    )
    # When it is called
    ended = agent.call()
    # Then the worker itself ends what is left of the job, and nothing else
    assert ended.error is not None
    assert gone(int(pids.read_text("ascii")))
    assert own.poll() is None
    own.communicate(b"\n")


def test_a_copy_of_the_job_does_not_speak_for_it(isolate: Isolate):
    # Given a job that forks and lets the copy return, too
    agent = isolate(
        "child = os.fork()\nif child: os.waitpid(child, 0)\nreturn 'copy' if not child else 'original'"
    )
    # When it runs, what counts is what the original says
    assert agent.call().result == "original"


def test_threads_that_a_job_leaves_behind_end_with_it(isolate: Isolate):
    agent = isolate("threading.Thread(target=time.sleep, args=(600,)).start()\nreturn 'done'")
    started = time.monotonic()
    assert agent.call().result == "done"
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("noise", ["b'\\xff' * 64", "b'\\0\\0\\0\\4nope'", "b'\\0\\0\\0\\2{}'"])
def test_noise_in_the_pipe_to_the_worker_ends_the_job(isolate: Isolate, noise: str):
    # Given a job that writes into every descriptor that it has
    agent = isolate(
        f"""
        for name in os.listdir("/proc/self/fd"):
            try:
                if int(name) > 2: os.write(int(name), {noise})
            except OSError: continue
        time.sleep(60)
        """
    )
    # When it is called
    ended = agent.call(limit=30)
    # Then that is what is recorded
    assert ended.error is not None
    assert ended.error.code in ("protocol_broken", "output_too_large")


def test_a_job_does_not_outlive_its_worker(tmp_path: Path):
    # Given a worker whose job goes on for long
    pid = tmp_path / "pid"
    agent = write_agent(
        tmp_path / "long",
        f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(600)",
    )
    code = f"""if True:
        import os
        from datetime import timedelta
        from pathlib import Path
        from muster import Job
        from muster.isolation.in_process import InProcess
        caller = InProcess(Path({str(agent)!r}), environ=os.environ, parent=Path({str(tmp_path)!r}))
        caller.call(Job(id="1", params={{}}), limit=timedelta(minutes=10))
    """
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    wait_until(lambda: pid.exists() and pid.read_text("ascii"))
    # When the worker is killed
    worker.kill()
    worker.wait()
    # Then the job ends, too
    assert gone(int(pid.read_text("ascii")))
