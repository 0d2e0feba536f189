"""The demo's jobs: a hundred good ones, and one of every kind of trouble."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from local.demo import samples
from local.demo.job import PlannedJob
from muster.message.envelope import envelope
from muster.model import Status

PROFILE = "document-profile"
#: Good messages to `document-profile`.
MESSAGES = 100
#: Of them, those that name a file in the bucket.
_FILES = 40
#: Messages of the batch in which the worker dies, and the place of the deadly one.
_BATCH, _DEADLY = 5, 2


def jobs(*, run: str, bucket: str) -> tuple[PlannedJob, ...]:
    """Every job of one run; slow ones first, so that all waits overlap.

    Args:
        run: makes job ids and object keys unique to this run.
        bucket: the uploads bucket, which holds the sample files under `object_key`.
    """
    return tuple(_troubles(run=run)) + tuple(_profiles(run=run, bucket=bucket))


def object_key(*, run: str, name: str) -> str:
    """Where a sample file of this run is in the bucket."""
    return f"demo/{run}/{name}"


def _profiles(*, run: str, bucket: str) -> Iterator[PlannedJob]:
    files = samples.files()
    for number in range(MESSAGES):
        if number < _FILES:
            sample = files[number % len(files)]
            params = {"bucket": bucket, "key": object_key(run=run, name=sample.name)}
            what, content, kind = f"a {sample.kind} file", sample.content, sample.kind
        else:
            params = {"text": samples.text(number)}
            what, content, kind = "a text", params["text"].encode(), "text"
        # Every second one is a plain JSON object, as people drop it onto SQS by hand.
        job_id = f"demo-{run}-{number:03}" if number % 2 == 0 else None
        yield PlannedJob(
            what=what,
            agent=PROFILE,
            job_id=job_id,
            body=_body(PROFILE, job_id=job_id, params=params),
            result={
                "type": kind,
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            },
        )


def _troubles(*, run: str) -> Iterator[PlannedJob]:
    for position in range(_BATCH):
        deadly = position == _DEADLY
        yield _job(
            "dies-mid-batch",
            what="a worker that dies in mid-batch" if deadly else "a neighbour in its batch",
            job_id=f"demo-{run}-batch-{position}",
            params={"deadly": deadly},
            # A neighbour that was settled before the death needs no second attempt.
            attempts=2 if deadly else None,
        )
    yield _job(
        "always-fails",
        what="a job that always fails",
        job_id=f"demo-{run}-always-fails",
        status=Status.FAILED,
        attempts=2,
        reason="retry_later: ",
    )
    yield _job(
        "fails-twice",
        what="a job that fails twice and then succeeds",
        job_id=f"demo-{run}-fails-twice",
        attempts=3,
        result={"attempt": 3},
    )
    yield _job(
        PROFILE,
        what="a duplicate",
        job_id=f"demo-{run}-duplicate",
        params={"text": samples.text(-1)},
        copies=2,
    )
    yield PlannedJob(
        what="a malformed body",
        agent=PROFILE,
        job_id=None,
        body='{"text": "the closing brace is missing"',
        status=Status.FAILED,
        attempts=None,
        reason="malformed_body: ",
    )


def _job(
    agent: str, *, job_id: str, params: Mapping[str, Any] | None = None, **expected: Any
) -> PlannedJob:
    body = _body(agent, job_id=job_id, params=params or {})
    return PlannedJob(agent=agent, job_id=job_id, body=body, **expected)


def _body(agent: str, *, job_id: str | None, params: Mapping[str, Any]) -> str:
    if job_id is None:
        return json.dumps(params)
    return envelope(job_id=job_id, agent_id=agent, params=params)
