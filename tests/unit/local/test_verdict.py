"""The demo's verdict: content with what must be, and with nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from local.commands.demo import tell
from local.demo.job import PlannedJob
from local.demo.plan import MESSAGES, jobs
from local.demo.records import Record
from local.demo.report import TOO_BUSY
from local.demo.verdict import executions, judged, percentile, problems
from local.demo.watch import watch
from muster.cli.context import Context
from muster.cli.exit import Exit
from muster.letters.peek import DeadLetter
from muster.model import Status

JOB = PlannedJob(what="a job", agent="one", body="{}", job_id="j", result={"n": 1})
RECORD = Record(
    agent_id="one",
    job_id="j",
    execution_id="e",
    status=Status.COMPLETED,
    attempts=1,
    result={"n": 1, "more": 2},
    error=None,
    latency_ms=5.0,
    started_at=None,
    duplicates=0,
)
LETTER = DeadLetter(
    agent_id="one",
    job_id="j",
    execution_id="e",
    reason="permanent: no",
    error_class=None,
    attempts=1,
    sent_at=None,
    message_id="m",
    copies=1,
    body="{}",
)


#: What a run tells besides its verdict.
RESULT = {
    "run": "r",
    "sent": 1,
    "executions": {"one": {"completed": 1}},
    "duplicates": 0,
    "dlq": [],
    "latency_ms": {"p50": 1.0, "p99": 2.0},
    "fired": 1,
    "overtaken": 1,
    "config_seconds": 1,
    "webhook": {"late": 401, "forged": 401},
    "outside": {"instance": "outside-r", "reported": ["running", "completed"]},
    "deploy_seconds": 1.0,
    "total_seconds": 2.0,
}


def test_what_is_as_it_must_be_is_no_problem():
    # Given a job with the record it must leave, and a failing one with its letter
    failing = replace(JOB, status=Status.FAILED, reason="permanent: ", result={})
    failed = replace(RECORD, status=Status.FAILED, result=None)
    # When they are judged
    # Then there is nothing to say
    assert problems([JOB], records=[RECORD], dead=[]) == []
    assert problems([failing], records=[failed], dead=[LETTER]) == []


@pytest.mark.parametrize(
    ("records", "dead", "problem"),
    [
        ([], [], "has 0 executions"),
        ([RECORD, replace(RECORD, execution_id="f")], [], "has 2 executions"),
        ([replace(RECORD, status=Status.FAILED)], [], "is failed instead of completed"),
        ([replace(RECORD, attempts=2)], [], "took 2 attempts"),
        ([replace(RECORD, duplicates=1)], [], "counts 1 duplicates"),
        ([replace(RECORD, result={"n": 2})], [], "result has n = 2"),
        ([RECORD], [LETTER], "is in the dead-letter queue"),
    ],
)
def test_everything_else_is(records: list[Record], dead: list[Any], problem: str):
    # Given a record, or dead letters, as they must not be
    # When they are judged
    (told,) = problems([JOB], records=records, dead=dead)
    # Then the one problem is named
    assert problem in told


@pytest.mark.parametrize(
    ("dead", "problem"),
    [
        ([], "0 times"),
        ([LETTER, LETTER], "2 times"),
        ([replace(LETTER, reason="lost: gone")], "died of 'lost: gone'"),
    ],
)
def test_a_failure_needs_its_one_letter_with_the_right_reason(dead: list[Any], problem: str):
    # Given a failed job, and letters as they must not be
    failing = replace(JOB, status=Status.FAILED, reason="permanent: ", result={})
    failed = replace(RECORD, status=Status.FAILED, result=None)
    # When they are judged
    (told,) = problems([failing], records=[failed], dead=dead)
    # Then the problem is named
    assert problem in told


@dataclass(frozen=True)
class Never:
    """A scene that cannot come."""

    told: list[str]
    what: str = "a scene that cannot come"

    def over(self) -> bool:
        return False

    def problems(self) -> list[str]:
        return self.told


def test_a_scene_that_does_not_come_fails_the_demo(capsys: pytest.CaptureFixture[str]):
    # Given a job that succeeded where it must fail, and a scene that is never over
    failing = replace(JOB, status=Status.FAILED, reason="permanent: ", result={})
    wrong = problems([failing], records=[RECORD], dead=[])
    scenes = [Never([]), Never(wrong)]
    said: list[str] = []
    # When it is watched for as long as it may take, and judged
    watch(scenes, say=said.append, meanwhile=lambda _: None, timeout=0)
    verdict = judged(scenes)
    # Then whoever waits is told for what
    assert "0 of 2 shown still waiting for a scene that cannot come" in said[-1]
    # And the demo says what is wrong and nothing else, for programs and for people, and its exit code does
    assert verdict["ok"] is False
    assert all(told.startswith("one j (a job): ") for told in verdict["problems"])
    result = {**RESULT, **verdict}
    assert tell(Context(environ={}, json=True), result, program=Path("muster")) == Exit.FAILED
    assert json.loads(capsys.readouterr().out)["problems"] == wrong
    assert tell(Context(environ={}), result, program=Path("muster")) == Exit.FAILED
    shown = capsys.readouterr().out
    assert "Not as it must be:\n  one j (a job): is completed instead of failed" in shown
    assert "Every execution is as it must be" not in shown
    # And it is not said to be the machine's fault, unless half of the jobs waited half a minute
    assert TOO_BUSY not in shown
    slow = {**result, "latency_ms": {"p50": 30_001.0, "p99": 40_000.0}}
    assert tell(Context(environ={}), slow, program=Path("muster")) == Exit.FAILED
    assert TOO_BUSY in capsys.readouterr().out


def test_a_demo_that_shows_everything_is_content(capsys: pytest.CaptureFixture[str]):
    result = {**RESULT, **judged([Never([])])}
    assert tell(Context(environ={}), result, program=Path("muster")) == Exit.OK
    assert "Every execution is as it must be. Try next:" in capsys.readouterr().out


def test_the_plan_has_a_hundred_good_messages_and_every_trouble():
    # Given two runs
    plans = [jobs(run=run, bucket="uploads") for run in ("aaaa", "bbbb")]
    # When they are laid side by side
    ids = [{job.job_id for job in plan if job.job_id} for plan in plans]
    # Then no job id is in both, and each has all there is to show
    assert ids[0].isdisjoint(ids[1])
    for plan in plans:
        assert len(plan) == MESSAGES + 9
        assert sum(job.copies for job in plan) == MESSAGES + 10
        assert sum(job.status is Status.FAILED for job in plan) == 2
        assert {"a csv file", "a json file", "a text file", "a pdf file"} <= {j.what for j in plan}


def test_percentiles_are_of_the_nearest_rank():
    # Given a hundred values
    values = [float(n) for n in range(1, 101)]
    # When percentiles are asked for
    # Then they are values that occurred
    assert (percentile(values, 0.5), percentile(values, 0.99)) == (50.0, 99.0)
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.5) is None


def test_executions_are_counted_by_agent_and_state():
    # Given records of two agents
    records = [RECORD, RECORD, replace(RECORD, agent_id="two", status=Status.FAILED)]
    # When they are counted
    # Then each state of each has its number
    assert executions(records) == {"one": {"completed": 2}, "two": {"failed": 1}}
