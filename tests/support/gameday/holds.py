"""The invariants over the jobs of a game, by the checker that every fault is held against."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from muster.aws.sqs import Queues
from muster.contracts import DeadLetterAttribute
from muster.letters.scan import Scan
from tests.support.clerk import query
from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy
from tests.support.invariants import Queued, history_holds, nothing_lost

_LETTERS = 5000
_UNSETTLED = (
    "SELECT 1 FROM agent_job_execution WHERE job_id = ANY(%s)"
    " AND (status IN ('pending', 'running') OR dlq_pending) LIMIT 1"
)


def problems(
    copy: DeployedCopy,
    *,
    database_url: str,
    accepted: Sequence[str],
    agents: Collection[str],
    archived: Collection[str] = (),
) -> list[str]:
    """What is wrong once everything has come to rest."""
    jobs = set(accepted)

    def look(statement: str) -> list[dict[str, Any]]:
        rows = query(database_url, statement)
        return [row for row in rows if row.get("job_id") in jobs or "job_id" not in row]

    wait_for(
        lambda: not query(database_url, _UNSETTLED, list(jobs)), what="the jobs' end", timeout=600
    )
    return [
        *nothing_lost(
            look, accepted=accepted, queued=_queued(copy, jobs, agents, archived), at_rest=True
        ),
        *history_holds(look),
    ]


def _queued(
    copy: DeployedCopy, jobs: set[str], agents: Collection[str], archived: Collection[str]
) -> Queued:
    queues = Queues(client=copy.aws.client("sqs"))
    found: list[str] = []
    for agent in agents:
        url = copy.described["agents"][agent]["dlq_url"]
        with Scan(queues, url, batch=_LETTERS) as scan:
            told = [message.attributes for messages in scan.batches() for message in messages]
        found += [
            letter[DeadLetterAttribute.DEAD_LETTER]
            for letter in told
            if letter.get(DeadLetterAttribute.JOB) in jobs
        ]
    return Queued(letters=[*found, *archived])
