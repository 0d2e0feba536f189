"""Stopping a function that runs in another thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ecs_listener.interruption import Interruption
from muster.isolation.interrupted import Interrupted
from tests.support.waiting import wait_until


class Runner:
    """A thread that runs one function inside an interruption, and what came of it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.interruption = Interruption()
        self.result: Any = None
        self.error: BaseException | None = None
        self._function = function
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.result = self.interruption.run(self._function)
        except BaseException as error:  # noqa: BLE001 - kept for the test
            self.error = error

    def wait(self) -> None:
        self.thread.join(60)
        assert not self.thread.is_alive()


def test_a_function_that_is_left_alone_returns_its_result():
    assert Interruption().run(lambda: 42) == 42


def test_what_a_function_raises_comes_out():
    with pytest.raises(KeyError):
        Interruption().run(lambda: {}["missing"])


def test_a_loop_ends_when_it_is_interrupted():
    started = threading.Event()

    def loop() -> None:
        started.set()
        while True:
            time.sleep(0.001)

    runner = Runner(loop)
    assert started.wait(60)
    assert runner.interruption.interrupt()
    runner.wait()
    assert isinstance(runner.error, Interrupted)


def test_what_was_interrupted_before_its_call_is_not_called():
    called = []
    interruption = Interruption()
    assert not interruption.interrupt()
    with pytest.raises(Interrupted):
        interruption.run(lambda: called.append(1))
    assert called == []


def test_an_interruption_after_the_end_reaches_nobody():
    interruption = Interruption()
    interruption.run(lambda: None)
    assert not interruption.interrupt()
    assert sum(range(1000)) == 499500, "nothing is raised here"


def test_whenever_the_interruption_comes_it_hits_the_function_or_nothing():
    # Given functions that end about when they are interrupted
    ends = set()
    for turn in range(300):
        runner = Runner(lambda: sum(range(2000)))
        pause = time.perf_counter() + (turn % 30) * 2e-5
        while time.perf_counter() < pause:
            pass
        runner.interruption.interrupt()
        runner.wait()
        # Then each has its result or was interrupted, and its thread has come to its end
        assert (runner.error is None) == (runner.result is not None)
        assert runner.error is None or isinstance(runner.error, Interrupted)
        ends.add(runner.error is None)
    assert ends


def test_insisting_reaches_a_function_that_swallows():
    swallowed = []

    def deaf() -> str:
        while len(swallowed) < 3:
            try:
                time.sleep(0.001)
            except Interrupted:
                swallowed.append(1)
        return "heard"

    runner = Runner(deaf)

    def heard() -> bool:
        runner.interruption.interrupt()
        return not runner.thread.is_alive()

    wait_until(heard)
    assert runner.result == "heard" or isinstance(runner.error, Interrupted)
