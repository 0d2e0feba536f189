"""Objects that the demo drops into the bucket: EventBridge starts their jobs, nobody sends a message."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from local.aws import LocalAws
from local.demo import samples
from local.demo.job import PlannedJob
from local.demo.plan import PROFILE
from local.errors import LocalCloudError
from muster.aws.sqs import Queues
from muster.ports import Outgoing
from muster.store.reader import reading
from muster.store.settings import DatabaseSettings

#: Seconds until an object's job is in the ledger.
TIMEOUT = 120
_PAUSE = 0.25

#: Names below the agent's prefix: blanks, letters beyond ASCII, what looks encoded and is not.
_LETTER, _PDF = "Grüße an Łódź + 100%25.txt", "one page.pdf"


class Objects:
    """The objects of one run, and what is known of their jobs."""

    def __init__(self, *, bucket: str, run: str) -> None:
        files = {sample.kind: sample for sample in samples.files()}
        self._bucket = bucket
        self._dropped = {
            f"incoming/{run}/{_LETTER}": files["text"],
            f"incoming/{run}/{_PDF}": files["pdf"],
        }

    def drop(self, aws: LocalAws) -> None:
        """Put them into the bucket."""
        s3 = aws.client("s3")
        for key, sample in self._dropped.items():
            s3.put_object(Bucket=self._bucket, Key=key, Body=sample.content)

    def jobs(self, aws: LocalAws, *, database_url: str, queue_url: str) -> list[PlannedJob]:
        """Their jobs, once the ledger has them; the event of one is sent again by hand, in its other form.

        Raises:
            LocalCloudError: an event did not arrive.
        """
        found = self._wait(database_url)
        copied = next(iter(self._dropped))
        queues = Queues(client=aws.client("sqs"))
        (sent,) = queues.send_batch(queue_url, [Outgoing(body=_notification(found[copied][1]))])
        if sent.error is not None:
            raise LocalCloudError(f"{PROFILE}: {sent.error}")
        return [
            PlannedJob(
                what=f"a {sample.kind} object dropped into S3",
                agent=PROFILE,
                body="",
                job_id=found[key][0],
                result={
                    "type": sample.kind,
                    "size": len(sample.content),
                    "sha256": hashlib.sha256(sample.content).hexdigest(),
                },
                copies=2 if key == copied else 1,
            )
            for key, sample in self._dropped.items()
        ]

    def _wait(self, database_url: str) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """Job id and params by key."""
        wanted = {"agent": PROFILE, "bucket": self._bucket, "keys": list(self._dropped)}
        end = time.monotonic() + TIMEOUT
        with reading(DatabaseSettings.from_url(database_url), topic="jobs") as reader:
            while True:
                rows = reader.rows("jobs_of_objects", wanted)
                found = {row["params"]["key"]: (row["job_id"], row["params"]) for row in rows}
                if found.keys() == self._dropped.keys():
                    return found
                if time.monotonic() > end:
                    missing = ", ".join(self._dropped.keys() - found.keys())
                    raise LocalCloudError(f"No job within {TIMEOUT} s for {missing}")
                time.sleep(_PAUSE)


def _notification(params: Mapping[str, Any]) -> str:
    """The event as a native notification tells of it."""
    written = {
        "key": quote_plus(params["key"], safe="/"),
        "size": params["size"],
        "eTag": params["etag"],
        "sequencer": params["sequencer"],
    }
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": params["bucket"]}, "object": written},
    }
    return json.dumps({"Records": [record]})
