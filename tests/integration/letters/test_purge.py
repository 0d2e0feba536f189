"""What is purged is in S3 first, as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from muster.errors import PermanentError
from muster.job import Job
from muster.letters.purge import OBJECT_LETTERS, Archive, Purge
from muster.letters.selection import Selection
from muster.ports import ObjectsUnavailable, Outgoing
from tests.support.clerk import AGENT
from tests.support.objects import MemoryObjects
from tests.support.worker import Workshop

Make = Callable[..., Workshop]


def _fail(job: Job) -> None:
    raise PermanentError("no", code=job.params.get("code", "broken"))


def _purge(shop: Workshop, **options: Any):
    return Purge(
        agent_id=AGENT,
        queue_url=shop.dlq,
        archive=Archive(bucket="results"),
        run="run-1",
        queues=shop.queues,
        objects=options.pop("objects", shop.objects),
        clock=shop.clock,
        **options,
    ).purge()


def test_letters_are_archived_as_they_were_and_then_deleted(workshop: Make):
    # Given more letters than one object takes, and some of another kind
    shop = workshop(behaviour=_fail)
    shop.send("keep", params={"code": "other"})
    shop.settle_down()
    bodies = {f"job-{n}": json.dumps({"n": n}) for n in range(OBJECT_LETTERS + 5)}
    shop.queues.send_batch(
        shop.dlq, [Outgoing(body=b, attributes={"muster-job": j}) for j, b in bodies.items()]
    )
    # When they are counted, and then purged
    asked = Selection(error="SQS")
    counted = _purge(shop, selection=asked, dry_run=True)
    assert len(shop.letters()) == len(bodies) + 1
    done = _purge(shop, selection=asked)
    # Then both say the same, the others are still there, and all that was deleted is in the archive
    assert counted.done == done.done == len(bodies)
    assert [letter["muster-job"] for letter in shop.letters()] == ["keep"]
    stored = shop.objects.stored["results"]
    assert all(key.startswith(f"dead-letters/{AGENT}/") for key in stored)
    archived = [record for content in stored.values() for record in json.loads(content)]
    assert {r["attributes"]["muster-job"]: r["body"] for r in archived} == bodies


class Away(MemoryObjects):
    """S3 that cannot be reached."""

    def put_json(self, bucket: str, key: str, value: Any) -> str:
        raise ObjectsUnavailable(f"s3://{bucket}/{key}")


def test_what_cannot_be_archived_is_not_deleted(workshop: Make):
    # Given a letter, and no S3
    shop = workshop(behaviour=_fail)
    shop.send("a")
    shop.settle_down()
    # When it is purged
    with pytest.raises(ObjectsUnavailable):
        _purge(shop, objects=Away())
    # Then it can be received
    assert shop.queues.depth(shop.dlq).visible == 1


def test_no_more_are_purged_than_the_limit(workshop: Make):
    shop = workshop(behaviour=_fail)
    shop.send("a", "b", "c")
    shop.settle_down()
    tally = _purge(shop, limit=2)
    assert (tally.done, tally.complete) == (2, False)
    assert shop.queues.depth(shop.dlq).visible == 1
