"""The deadline of an attempt."""

from __future__ import annotations

import signal
import threading
import time
from datetime import timedelta

import pytest

from muster.execution.deadline import DeadlineReached, deadline

SOON = timedelta(seconds=0.05)


def test_what_takes_too_long_is_interrupted():
    began = time.monotonic()
    with pytest.raises(DeadlineReached), deadline(SOON):
        time.sleep(300)
    assert time.monotonic() - began < 50


def test_a_loop_that_swallows_exceptions_is_interrupted():
    with pytest.raises(DeadlineReached), deadline(SOON):
        _swallow_everything()


def _swallow_everything() -> None:
    while True:
        try:
            time.sleep(1)
        except Exception:  # noqa: BLE001 - what careless agents do
            continue


def test_what_ends_in_time_is_left_alone_and_leaves_nothing_armed():
    former = signal.getsignal(signal.SIGALRM)
    with deadline(timedelta(minutes=5)):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is former


def test_nothing_stays_armed_after_an_interruption_or_an_error():
    with pytest.raises(DeadlineReached), deadline(SOON):
        time.sleep(30)
    with pytest.raises(ValueError, match="own"), deadline(timedelta(minutes=5)):
        raise ValueError("own")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_deadline_that_strikes_at_the_very_end_disarms_itself():
    # Given hundreds of blocks that end about when their deadline strikes
    interrupted = 0
    for _ in range(300):
        try:
            with deadline(timedelta(seconds=0.0005)):
                end = time.perf_counter() + 0.0005
                while time.perf_counter() < end:
                    pass
        except DeadlineReached:
            interrupted += 1
        # Then whether it struck or not, nothing is armed afterwards
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert interrupted


def test_outside_the_main_thread_nothing_is_interrupted():
    done: list[str] = []

    def work() -> None:
        with deadline(timedelta(seconds=0.01)):
            time.sleep(0.05)
            done.append("to its end")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert done == ["to its end"]
