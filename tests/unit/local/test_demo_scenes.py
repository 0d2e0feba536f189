"""What the demo shows beside its jobs: when it is over, and what is said of it."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.demo import long_job, overtaking
from local.demo.api_job import TEXT, ApiJob
from local.demo.config import ConfigChange
from local.demo.job import PlannedJob
from local.demo.long_job import Interruption
from local.demo.messages import Messages
from local.demo.overtaking import Overtaking
from local.demo.records import Record
from local.demo.schedule import Fire, Schedule, wrong
from local.demo.watch import watch
from muster.model import Status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLANNED = Fire(
    status=Status.PENDING,
    scheduled_for=NOW + timedelta(seconds=20),
    started_at=None,
    result=None,
)
DONE = replace(
    PLANNED,
    status=Status.COMPLETED,
    started_at=PLANNED.scheduled_for,
    result={"greeting": "hello"},
)

RUNNING = Record(
    agent_id="one",
    job_id="j",
    execution_id="e",
    status=Status.RUNNING,
    attempts=1,
    result=None,
    error=None,
    latency_ms=None,
    started_at=None,
    duplicates=0,
)


def test_a_schedule_is_shown_when_a_fire_that_the_tick_recorded_has_ended():
    # Given a ledger that first holds an old fire, then a planned one, then its end
    ledger = [replace(DONE, scheduled_for=NOW - timedelta(seconds=20))]
    schedule = Schedule(read=lambda: ledger, begun=NOW)
    assert not schedule.recorded
    assert not schedule.over()
    ledger.append(PLANNED)
    # When the deployed tick has recorded the fire
    assert schedule.recorded
    # Then it is over as soon as the fire has ended
    assert not schedule.over()
    ledger[1] = DONE
    assert schedule.over()
    assert schedule.problems() == []
    assert schedule.fired == 1


def test_a_fire_that_another_call_recorded_does_not_count():
    # Given a schedule whose own fire is planned
    ledger = [PLANNED]
    schedule = Schedule(read=lambda: ledger, begun=NOW)
    assert schedule.recorded
    # When a later fire, recorded after others may call the dispatcher, ends first
    ledger.append(replace(DONE, scheduled_for=NOW + timedelta(seconds=40)))
    # Then it proves nothing
    assert not schedule.over()
    assert schedule.problems() == ["keeps-time (a fire of a schedule): no fire ended"]


@pytest.mark.parametrize(
    ("fire", "problem"),
    [
        (replace(DONE, status=Status.FAILED), "is failed instead of completed"),
        (replace(DONE, started_at=NOW), "started early"),
        (replace(DONE, result=None), "was not given what its schedule says"),
    ],
)
def test_a_fire_that_is_not_as_it_must_be_is_told(fire: Fire, problem: str):
    # Given a fire that ended otherwise than it must
    # When it is judged
    (told,) = wrong(fire)
    # Then the one problem is named
    assert problem in told


def test_messages_are_over_when_all_have_ended_and_every_copy_is_counted():
    # Given a job that was sent twice
    job = PlannedJob(what="a duplicate", agent="one", body="{}", job_id="j", copies=2)
    states = iter(
        [
            RUNNING,
            replace(RUNNING, status=Status.COMPLETED),
            replace(RUNNING, status=Status.COMPLETED, duplicates=1),
        ]
    )
    messages = Messages([job], read=lambda: [next(states)], buried=list)
    # When it runs, ends, and its copy is counted
    said = [(messages.over(), messages.what) for _ in range(3)]
    # Then it is over at the last, and until then it says what it waits for
    assert said == [
        (False, "a duplicate (0 of 1 jobs ended)"),
        (False, "the duplicates to be counted (1 of 1 jobs ended)"),
        (True, "the duplicates to be counted (1 of 1 jobs ended)"),
    ]
    assert messages.problems() == []


def test_a_worker_is_killed_once_when_its_job_is_half_way():
    # Given a job that goes on, and a process that runs it
    steps = iter([None, {"steps": 10}, {"steps": long_job.STEPS // 2}])
    worker = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    scene = Interruption(progress=lambda: next(steps), listeners=lambda: [worker.pid])
    # When it is watched
    over = [scene.over() for _ in range(4)]
    # Then the process ends when half is done, and is not looked for again
    assert over == [False, False, True, True]
    assert worker.wait(timeout=30) == -signal.SIGKILL
    assert scene.problems() == []


def test_a_worker_that_nobody_finds_is_a_problem():
    # Given a job half-way, and no listener
    scene = Interruption(progress=lambda: {"steps": long_job.STEPS}, listeners=list)
    # When it is watched
    # Then it is not over, and said so
    assert not scene.over()
    assert scene.problems() == [
        "outlives (a worker that is killed in a long job): nobody could be killed"
    ]


def test_a_config_change_is_taken_up_when_a_later_job_had_it():
    # Given a job that ran before the change, and later ones without and with the new value
    ledger = [
        replace(DONE, scheduled_for=NOW - timedelta(seconds=20), result={"tone": "r"}),
        replace(DONE, result={"tone": "plain"}),
    ]
    config = ConfigChange(read=lambda: ledger, begun=NOW, run="r")
    assert not config.over()
    assert config.problems() == [
        "keeps-time (a job with the changed config): no job had tone = 'r'"
    ]
    ledger.append(replace(DONE, scheduled_for=NOW + timedelta(seconds=40), result={"tone": "r"}))
    # When the last has ended
    # Then it is over, and told by its planned time
    assert config.over()
    assert config.seconds == 40
    assert config.problems() == []


@pytest.mark.parametrize(
    ("starts", "overtaken"), [((1, 2, 3), 0), ((1, 4, 3), 1), ((1, None, None), 0)]
)
def test_an_urgent_job_has_overtaken_those_that_started_later(
    starts: tuple[int, int | None, int | None], overtaken: int
):
    # Given two patient jobs and an urgent one, with the seconds at which they started
    planned = [*overtaking.patient(run="r")[:2], overtaking.urgent(run="r")]
    seconds = dict(zip([job.job_id for job in planned], starts, strict=True))
    messages = Messages(planned, read=lambda: _started(seconds), buried=list)
    scene = Overtaking(messages, run="r")
    # When they are judged
    messages.over()
    # Then those count that started after the urgent one, and none is a problem
    assert scene.over()
    assert scene.overtaken == overtaken
    assert bool(scene.problems()) == (overtaken == 0)


def _started(seconds: Mapping[str | None, int | None]) -> list[Record]:
    return [
        replace(
            RUNNING,
            agent_id="overtakes",
            job_id=str(job_id),
            started_at=None if at is None else NOW + timedelta(seconds=at),
        )
        for job_id, at in seconds.items()
    ]


def test_watching_ends_with_the_last_scene():
    # Given a scene that is over at once and one that takes three looks
    ledger: list[Fire] = []
    schedule = Schedule(read=lambda: ledger, begun=NOW)
    lines: list[str] = []
    rounds: list[float] = []

    def meanwhile(elapsed: float) -> None:
        rounds.append(elapsed)
        if len(rounds) == 2:
            ledger.append(DONE)

    # When they are watched
    watch([Messages([], read=list, buried=list), schedule], say=lines.append, meanwhile=meanwhile)
    # Then it lasts as long as the slowest, and says how many were shown
    assert len(rounds) == 2
    assert lines[-1].startswith("  2 of 2 shown after")


def _api(*answers: tuple[int, dict[str, Any]]) -> tuple[ApiJob, list[tuple[str, str]]]:
    calls: list[tuple[str, str]] = []
    left = list(answers)

    def call(method: str, path: str, _: Any) -> tuple[int, dict[str, Any]]:
        calls.append((method, path))
        return left.pop(0)

    return ApiJob(call=call, run="r"), calls


def test_a_job_by_the_api_is_over_when_its_result_is_there():
    # Given an API that takes the job, and has its result at the second look
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    scene, calls = _api(
        (202, {"status": "pending"}),
        (200, {"status": "running"}),
        (200, {"status": "completed", "result": {"sha256": digest}}),
    )
    # Then it asks for the job once, and looks until it is done
    assert [scene.over() for _ in range(4)] == [False, False, True, True]
    assert calls == [
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs/demo-r-api"),
        ("GET", "/v1/jobs/demo-r-api"),
    ]
    assert scene.problems() == []


def test_a_job_that_the_api_refuses_is_asked_for_again_and_told():
    scene, calls = _api(
        (503, {"code": "unavailable", "status": 503}), (401, {"code": "unauthorized"})
    )
    assert [scene.over(), scene.over()] == [False, False]
    assert [method for method, _ in calls] == ["POST", "POST"]
    (problem,) = scene.problems()
    assert "401" in problem
    assert "unauthorized" in problem


def test_a_job_by_the_api_with_another_result_is_told():
    scene, _ = _api((202, {}), (200, {"status": "completed", "result": {"sha256": "x"}}))
    scene.over()
    assert scene.over()
    (problem,) = scene.problems()
    assert "instead of" in problem
