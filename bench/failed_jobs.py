"""Jobs that have failed for good, each with its dead letter, made by the ledger's own statements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import psycopg2

from muster.aws.sqs import Queues
from muster.dead_letter import dead_letter, failure_of
from muster.model import Claimant, Delivery, ErrorRecord, Outcome, Status
from muster.store.connection import Database
from muster.store.ledger import Ledger
from muster.store.settings import DatabaseSettings

AGENT = "nothing"
#: Jobs of one statement.
_PAGE = 100

_ERROR = ErrorRecord(
    message="it was down", code="agent_error", retryable=False, error_class="Unavailable"
)


def fail_jobs(url: str, endpoint_url: str, lane: str, dead_letters: str, *, count: int) -> None:
    """Register the agent and have so many jobs of it fail."""
    with _connection(url) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO agent_registry (agent_id, agent_version, endpoint) VALUES (%s, '1.0.0', %s)",
            (
                AGENT,
                json.dumps({"type": "sqs", "queues": {"normal": lane}, "dlq": dead_letters}),
            ),
        )
    settings = DatabaseSettings.from_url(url)
    database = Database(lambda _: settings)
    queues = Queues(client=_client(endpoint_url))
    ledger = Ledger(database)
    for start in range(0, count, _PAGE):
        deliveries = [
            Delivery(message_id=f"first-{n}", job_id=f"job-{n:05}", params={"n": n})
            for n in range(start, min(count, start + _PAGE))
        ]
        _fail(ledger, queues, dead_letters, deliveries)
    database.close()


def outcome_counts(url: str) -> dict[str, int]:
    """Executions in all, those that run, those that are completed, and those that ran just once more."""
    with _connection(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE e.status = 'running'),"
            " count(*) FILTER (WHERE e.status = 'completed'),"
            " count(*) FILTER (WHERE e.redrives = 1 AND v.claims = 2 AND v.ends = 1)"
            " FROM agent_job_execution e LEFT JOIN (SELECT execution_id,"
            " count(*) FILTER (WHERE kind = 'claimed') AS claims,"
            " count(*) FILTER (WHERE kind = 'completed') AS ends"
            " FROM execution_event GROUP BY execution_id) v USING (execution_id)"
        )
        [row] = cursor.fetchall()
    return dict(zip(("rows", "running", "completed", "once"), row, strict=True))


def _fail(ledger: Ledger, queues: Queues, dead_letters: str, deliveries: list[Delivery]) -> None:
    claimant = Claimant(agent_id=AGENT, agent_version="1.0.0", max_attempts=1, worker="bench")
    judged = ledger.claim(deliveries, claimant=claimant, lease=timedelta(minutes=1))
    outcomes = [
        Outcome(claim=judgement.claim, status=Status.FAILED, kind="failed", error=_ERROR)
        for judgement in judged
        if judgement.claim is not None
    ]
    ledger.settle(outcomes)
    now = outcomes[0].claim.queued_at
    failures = [
        failure_of(outcome.claim, error=_ERROR.to_json(at=now), body=None) for outcome in outcomes
    ]
    results = queues.send_batch(dead_letters, [dead_letter(failure) for failure in failures])
    if not all(result.ok for result in results):
        raise RuntimeError("the endpoint did not take a letter")
    ledger.dead_letters_sent(failures)


def _client(endpoint_url: str) -> object:
    import boto3

    return boto3.client(
        "sqs",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",  # noqa: S106 - the endpoint asks for none
    )


@contextmanager
def _connection(url: str) -> Iterator[psycopg2.extensions.connection]:
    with closing(psycopg2.connect(url)) as connection:
        yield connection
