"""The demo's verdict: content with what must be, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from local.demo.job import PlannedJob
from local.demo.plan import MESSAGES, jobs
from local.demo.records import Record
from local.demo.verdict import executions, percentile, problems
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
