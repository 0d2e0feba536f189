"""What becomes of a claim for which a task is launched, and of its slot."""

from __future__ import annotations

import json
import logging
import threading
from datetime import timedelta
from typing import Any

import pytest

from ecs_listener.errand import Errand
from ecs_listener.holding import Holding, StopReason
from ecs_listener.holdings import Holdings
from ecs_listener.launcher import LaunchFailed, overrides_of
from ecs_listener.launching import LAUNCH_AGAIN, Launching
from ecs_listener.metrics import ListenerMetrics
from ecs_listener.parcel import Parcel
from ecs_listener.telling import Telling
from muster.clock import SystemClock
from muster.execution.disposition import KEEP, Disposition, return_after
from muster.model import Outcome, Status
from tests.support.held import holding, holdings_of_one_message
from tests.support.waiting import wait_until


class _Slots:
    def __init__(self) -> None:
        self.forgotten: list[Parcel] = []

    def holder(self, _parcel: Parcel) -> str:
        return "one:1"

    def forget(self, parcel: Parcel) -> None:
        self.forgotten.append(parcel)


class _Launcher:
    def __init__(self, problem: Exception | None = None) -> None:
        self._problem = problem
        self.errands: list[Errand] = []

    def launch(self, errand: Errand) -> None:
        self.errands.append(errand)
        if self._problem is not None:
            raise self._problem


class _Stage:
    """A launching whose one thread runs, with jobs of one message that are held."""

    def __init__(self, launcher: _Launcher, *, longest_start: float = 60.0, jobs: int = 1) -> None:
        self.fates: list[Disposition] = []
        self.outcomes: list[Outcome] = []
        self.slots = _Slots()
        self.holdings = Holdings(left=lambda: None, dispose=lambda _, fate: self.fates.append(fate))
        slots: Any = self.slots
        launching = Launching(
            launcher=launcher,
            holdings=self.holdings,
            slots=slots,
            settle=self._settle,
            instance_id="one",
            clock=SystemClock(),
            telling=Telling(log=logging.getLogger("test"), metrics=ListenerMetrics()),
            longest_start=timedelta(seconds=longest_start),
        )
        made = holdings_of_one_message(self.holdings, jobs) if jobs > 1 else None
        self.together = made or [holding(self.holdings, fence=3)]
        self.held = self.together[0]
        threading.Thread(target=launching.run, daemon=True).start()
        launching.put([self.together])

    def _settle(self, _: Holding, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def _is_given_back(outcome: Outcome) -> bool:
    return (outcome.status, outcome.refund, outcome.delay) == (Status.PENDING, True, LAUNCH_AGAIN)


def test_what_could_not_be_launched_is_given_back_uncharged_after_a_while():
    # Given ECS without room for a task, when a job is to be launched
    stage = _Stage(_Launcher(LaunchFailed("no room")))

    # Then it is given back, and its slot is free for others
    wait_until(lambda: stage.outcomes)
    assert _is_given_back(stage.outcomes[0])
    assert stage.slots.forgotten == []


def test_a_job_whose_task_does_not_begin_is_given_back_and_its_slot_ends_by_itself():
    # Given a task that does not take its claim over in time
    stage = _Stage(_Launcher(), longest_start=0.1)

    # Then the job is given back; the slot is not freed: the task may have begun at this very moment
    wait_until(lambda: stage.outcomes)
    assert _is_given_back(stage.outcomes[0])
    assert stage.slots.forgotten == [stage.held.parcel]


@pytest.mark.parametrize("reason", [StopReason.LEASE_LOST, StopReason.HAND_BACK, StopReason.CANCEL])
def test_once_it_is_launched_the_task_alone_answers_for_it(reason: StopReason):
    # Given a job that was launched, under its fence
    launcher = _Launcher()
    stage = _Stage(launcher)
    wait_until(lambda: stage.held.launched)
    assert [(each.token[-2:], each.holder) for each in launcher.errands] == [("-3", "one:1")]

    # When its renewal finds it taken over, this process ends, or it is called off
    stage.holdings.stop(stage.held, reason, now=0.0)

    # Then it is forgotten: nothing is written, the message and the slot are the task's
    wait_until(lambda: stage.fates)
    assert stage.fates == [KEEP]
    assert stage.outcomes == []
    assert stage.slots.forgotten == [stage.held.parcel]


@pytest.mark.parametrize("jobs", [20, 300])
def test_a_task_is_told_of_as_many_jobs_as_a_launch_can_carry_and_the_others_are_relayed(jobs: int):
    # Given a message that asks for many jobs
    launcher = _Launcher()
    stage = _Stage(launcher, jobs=jobs)
    wait_until(lambda: stage.held.launched)

    # Then one task is launched, for what ECS takes in one request
    [errand] = launcher.errands
    told = [name.execution_id for name in errand.claims]
    overrides = overrides_of(errand)
    assert len(json.dumps(overrides)) <= 8192
    # And every other job is given back uncharged, for the relay to send it at once by itself
    back = [outcome.claim.execution_id for outcome in stage.outcomes]
    assert sorted(told + back) == [held.claim.execution_id for held in stage.together]
    assert all(o.status is Status.PENDING and o.refund for o in stage.outcomes)
    assert {(o.delay, o.relay_delay) for o in stage.outcomes} <= {(timedelta(0), timedelta(0))}
    assert len(told) == 20 if jobs == 20 else len(told) > 40

    # When the task has taken over what it was told of
    for held in stage.together:
        stage.holdings.stop(held, StopReason.LEASE_LOST, now=0.0)
    for held in stage.together[len(told) :]:
        stage.holdings.settled(held, return_after(timedelta(0)))

    # Then the message is left to it, which deletes it
    wait_until(lambda: stage.fates)
    assert stage.fates == [KEEP]
