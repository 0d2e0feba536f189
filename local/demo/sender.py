"""Puts the demo's jobs on their queues and its sample files into the bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.aws import LocalAws
from local.demo import samples
from local.demo.job import PlannedJob
from local.demo.plan import object_key
from local.errors import LocalCloudError
from muster.aws.sqs import Queues
from muster.ports import Outgoing


def upload(aws: LocalAws, *, bucket: str, run: str) -> None:
    """Put every sample file into the bucket."""
    s3 = aws.client("s3")
    for sample in samples.files():
        key = object_key(run=run, name=sample.name)
        s3.put_object(Bucket=bucket, Key=key, Body=sample.content)


def send(
    aws: LocalAws, jobs: Sequence[PlannedJob], *, agents: Mapping[str, Any]
) -> list[PlannedJob]:
    """Send all jobs, every lane's in parallel; return them with the ids their records will bear.

    Raises:
        LocalCloudError: an agent is not deployed, or SQS refused a message.
    """
    queues = Queues(client=aws.client("sqs"))
    missing = sorted({job.agent for job in jobs} - agents.keys())
    if missing:
        raise LocalCloudError(f"Not deployed: {', '.join(missing)}. See `muster agents list`.")

    def send_to(lane: tuple[str, str]) -> list[PlannedJob]:
        mine = [job for job in jobs if (job.agent, job.lane) == lane]
        copies = [job for job in mine for _ in range(job.copies)]
        agent, name = lane
        sent = queues.send_batch(
            agents[agent]["queues"][name], [Outgoing(body=job.body) for job in copies]
        )
        for result in sent:
            if result.error is not None:
                raise LocalCloudError(f"{agent}: {result.error}")
        ids = iter([str(result.message_id) for result in sent])
        return [job.sent_as([next(ids) for _ in range(job.copies)][-1]) for job in mine]

    lanes = list(dict.fromkeys((job.agent, job.lane) for job in jobs))
    with ThreadPoolExecutor(max_workers=len(lanes)) as pool:
        return [job for sent in pool.map(send_to, lanes) for job in sent]
