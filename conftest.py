"""Fixtures for every test of the repository, those beside the agents included."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from app import prepare_node
from tests.support.cores import Cores
from tests.support.distribution import ByCloud
from tests.support.reading import read_own_part

pytest_plugins = [
    "tests.support.cloud",
    "tests.support.deployed",
    "tests.support.emulator",
    "tests.support.postgres",
]

#: New objects before garbage is looked for, and how often each older generation is left out. After Python's
#: own 700 a process of tests, in which most lives on, looks through it again and again.
_GARBAGE = (50_000, 10, 10)
_BEGUN = pytest.StashKey[Cores | None]()


def pytest_configure(config: pytest.Config) -> None:
    """End like a Ctrl-C when asked to end: fixtures then stop the servers that they started.

    What a shell runs in its background is deaf to Ctrl-C, and so would be all that the tests start there.
    Properties hold or not, however slow the machine is: how fast examples are drawn proves nothing.
    """
    settings.register_profile("muster", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("muster")
    config.stash[_BEGUN] = Cores.read()
    prepare_node()  # before anything imports the CDK, which starts Node.js at once
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Let processes that share the work share reading the tests, too.

    What is read stays to the end: looking through it for garbage would be a tenth of the work.
    """
    config = session.config
    worker = getattr(config, "workerinput", None)
    gc.disable()
    try:
        if worker is not None:
            number = int(worker["workerid"].removeprefix("gw"))
            read_own_part(config.rootpath, config.args, number=number, of=worker["workercount"])
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*_GARBAGE)
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """What shares a deployed cloud stays in one process."""
    return ByCloud(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape lone surrogates that tests have logged: processes that share the work speak UTF-8."""
    report = yield
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode())
        for title, text in report.sections
    ]
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what each part took, over all processes: where to look when all of it takes too long.

    And what the machine did meanwhile: work, or wait.
    """
    minutes: dict[str, float] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                part = "/".join(report.nodeid.split("/")[:2])
                minutes[part] = minutes.get(part, 0.0) + report.duration / 60
    for part, taken in sorted(minutes.items(), key=lambda entry: -entry[1]):
        if taken >= 0.1:
            terminalreporter.write_line(f"{taken:6.1f} minutes of processes in {part}")
    begun, ended = config.stash[_BEGUN], Cores.read()
    if begun and ended:
        terminalreporter.write_line((ended - begun).told())
