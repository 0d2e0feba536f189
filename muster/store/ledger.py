"""The run ledger: claim, settle, checkpoint and cancel, each one guarded statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from muster.clock import Clock, SystemClock
from muster.model import Claim, Delivery, Failure, Judgement, Outcome, Status, Verdict
from muster.store.connection import Database, Row
from muster.store.document import document
from muster.store.identifier import new_execution_id
from muster.store.statements import statements


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimant:
    """Who claims: the deployed agent and the process that runs it."""

    agent_id: str
    agent_version: str
    max_attempts: int
    worker: str
    log_stream: str | None = None
    code_version: str | None = None


class Ledger:
    """The executions of one database, seen by one worker."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock | None = None,
        new_token: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._new_token = new_token
        self._sql = statements("ledger")

    def claim(
        self, deliveries: Sequence[Delivery], *, claimant: Claimant, lease: timedelta
    ) -> list[Judgement]:
        """Judge deliveries and take those that may run now, for `lease`.

        Jobs never seen before cost one statement; a second one judges the rest. A job id that comes twice
        in `deliveries` is judged in the order of arrival.

        Raises:
            StoreUnavailable: nothing is known to be claimed; calling again is safe.
        """
        judged: dict[int, Judgement] = {}
        waiting = list(range(len(deliveries)))
        while waiting:
            batch: dict[str, int] = {}
            later = [at for at in waiting if batch.setdefault(deliveries[at].job_id, at) != at]
            judgements = self._claim_distinct(
                [deliveries[at] for at in batch.values()], claimant=claimant, lease=lease
            )
            judged |= dict(zip(batch.values(), judgements, strict=True))
            waiting = later
        return [judged[at] for at in range(len(deliveries))]

    def settle(self, outcomes: Sequence[Outcome]) -> dict[str, Status]:
        """Write how attempts ended; returns the state each row now has.

        An outcome that is missing from the answer was refused: its claim is lost to a higher fence.

        Raises:
            StoreUnavailable: it is not known whether the outcomes were written.
        """
        if not outcomes:
            return {}
        now = self._clock.now()
        written = {
            "outcomes": document([_outcome_row(o, now) for o in outcomes]),
            "count": len(outcomes),
        }
        rows = self._database.run(self._sql["settle"], written)
        if len(rows) < len(outcomes):
            # A refusal, or a repeat after a lost COMMIT reply: the rows tell which.
            rows = self._database.run(self._sql["settled_already"], written)
        return {execution_id: Status(status) for execution_id, status in rows}

    def checkpoint(self, claim: Claim, state: Any) -> bool:
        """Save an agent's progress; false when the claim is lost."""
        rows = self._database.run(
            self._sql["checkpoint"],
            {
                "execution_id": str(claim.execution_id),
                "created_at": claim.created_at,
                "fence": claim.fence,
                "state": document(state),
            },
        )
        return bool(rows)

    def dead_letters_sent(self, failures: Sequence[Failure]) -> None:
        """The dead letters of these failures reached the DLQ."""
        self._database.run(
            self._sql["dead_letters_sent"],
            {
                "failures": document(
                    [
                        {
                            "execution_id": f.execution_id,
                            "created_at": f.created_at.isoformat(),
                            "fence": f.fence,
                        }
                        for f in failures
                    ]
                )
            },
        )

    def cancel(self, *, agent_id: str, job_id: str, reason: str) -> Status | None:
        """Call a job off; returns the state it is in now, or None when there is no such job."""
        rows = self._database.run(
            self._sql["cancel"], {"agent_id": agent_id, "job_id": job_id, "reason": reason}
        )
        return Status(rows[0][0]) if rows else None

    def _claim_distinct(
        self, deliveries: list[Delivery], *, claimant: Claimant, lease: timedelta
    ) -> list[Judgement]:
        token = self._new_token()
        judgements = self._claim_new(deliveries, claimant=claimant, lease=lease, token=token)
        known = [d for d in deliveries if d.job_id not in judgements]
        if known:
            judgements |= self._claim_known(known, claimant=claimant, lease=lease, token=token)
        return [
            judgements.get(d.job_id) or Judgement(message_id=d.message_id, verdict=Verdict.UNKNOWN)
            for d in deliveries
        ]

    def _claim_new(
        self, deliveries: list[Delivery], *, claimant: Claimant, lease: timedelta, token: str
    ) -> dict[str, Judgement]:
        now = self._clock.now()
        rows = self._database.run(
            self._sql["claim_new"],
            {
                **_claim_parameters(claimant, lease, token),
                "deliveries": document([_new_row(d, now) for d in deliveries]),
                "count": len(deliveries),
            },
        )
        by_job = {d.job_id: d for d in deliveries}
        return {row[0]: _new_judgement(by_job[row[0]], row, claimant) for row in rows}

    def _claim_known(
        self, deliveries: list[Delivery], *, claimant: Claimant, lease: timedelta, token: str
    ) -> dict[str, Judgement]:
        rows = self._database.run(
            self._sql["claim_known"],
            {
                **_claim_parameters(claimant, lease, token),
                "deliveries": document(
                    [
                        {
                            "job_id": d.job_id,
                            "message_id": d.message_id,
                            "dead_letter_fence": d.dead_letter_fence,
                        }
                        for d in deliveries
                    ]
                ),
                "count": len(deliveries),
            },
        )
        by_job = {d.job_id: d for d in deliveries}
        return {row[0]: _known_judgement(by_job[row[0]], row, claimant.agent_id) for row in rows}


def _claim_parameters(claimant: Claimant, lease: timedelta, token: str) -> dict[str, Any]:
    return {
        "agent_id": claimant.agent_id,
        "agent_version": claimant.agent_version,
        "max_attempts": claimant.max_attempts,
        "worker": claimant.worker,
        "log_stream": claimant.log_stream,
        "code_version": claimant.code_version,
        "claim_token": token,
        "lease_seconds": lease.total_seconds(),
    }


def _new_row(delivery: Delivery, now: datetime) -> dict[str, Any]:
    return {
        "execution_id": new_execution_id(now=now),
        "job_id": delivery.job_id,
        "message_id": delivery.message_id,
        "tenant": delivery.tenant,
        "params": delivery.params,
        "body": delivery.body,
        "priority": delivery.priority,
        "source": delivery.source,
        "scheduled_for": delivery.scheduled_for and delivery.scheduled_for.isoformat(),
        "traceparent": delivery.traceparent,
        "hops": delivery.hops,
        "sent_at": delivery.sent_at and delivery.sent_at.isoformat(),
    }


def _outcome_row(outcome: Outcome, now: datetime) -> dict[str, Any]:
    return {
        "execution_id": outcome.claim.execution_id,
        "created_at": outcome.claim.created_at.isoformat(),
        "fence": outcome.claim.fence,
        "status": outcome.status,
        "kind": outcome.kind,
        "result": outcome.result,
        "result_ref": outcome.result_ref,
        "error": outcome.error and outcome.error.to_json(at=now),
        "metrics": outcome.metrics or None,
        "delay": outcome.delay.total_seconds(),
        "relay_delay": outcome.relay_delay.total_seconds(),
        "refund": int(outcome.refund),
        "reason": outcome.reason,
    }


def _new_judgement(delivery: Delivery, row: Row, claimant: Claimant) -> Judgement:
    _, execution_id, created_at, status, lease_expires_at, queued_at = row
    if status == Status.CANCELLED:
        return Judgement(message_id=delivery.message_id, verdict=Verdict.CANCELLED)
    claim = Claim(
        execution_id=execution_id,
        created_at=created_at,
        agent_id=claimant.agent_id,
        job_id=delivery.job_id,
        tenant=delivery.tenant,
        agent_version=claimant.agent_version,
        fence=1,
        attempt=1,
        max_attempts=claimant.max_attempts,
        params=delivery.params or {},
        state=None,
        suspect=False,
        message_id=delivery.message_id,
        priority=delivery.priority,
        source=delivery.source,
        traceparent=delivery.traceparent,
        hops=delivery.hops,
        queued_at=queued_at,
        lease_expires_at=lease_expires_at,
    )
    return Judgement(message_id=delivery.message_id, verdict=Verdict.TAKEN, claim=claim)


def _known_judgement(delivery: Delivery, row: Row, agent_id: str) -> Judgement:
    (
        job_id, verdict, execution_id, created_at, status, fence, attempts, max_attempts, version,
        tenant, params, state, suspect, dlq_pending, error, priority, source, traceparent, hops,
        queued_at, lease_expires_at, wait_seconds,
    ) = row  # fmt: skip
    claim = failure = None
    if verdict in ("held", "taken", "redriven"):
        verdict = Verdict.TAKEN
        claim = Claim(
            execution_id=execution_id,
            created_at=created_at,
            agent_id=agent_id,
            job_id=job_id,
            tenant=tenant,
            agent_version=version,
            fence=fence,
            attempt=attempts,
            max_attempts=max_attempts,
            params=params,
            state=state,
            suspect=suspect,
            message_id=delivery.message_id,
            priority=priority,
            source=source,
            traceparent=traceparent,
            hops=hops,
            queued_at=queued_at,
            lease_expires_at=lease_expires_at,
        )
    elif status == Status.FAILED and dlq_pending:
        failure = Failure(
            execution_id=execution_id,
            created_at=created_at,
            fence=fence,
            agent_id=agent_id,
            job_id=job_id,
            tenant=tenant,
            attempts=attempts,
            params=params,
            body=delivery.body,
            error=error,
            priority=priority,
            source=source,
            traceparent=traceparent,
            hops=hops,
        )
    return Judgement(
        message_id=delivery.message_id,
        verdict=Verdict(verdict),
        claim=claim,
        failure=failure,
        wait=timedelta(seconds=max(0.0, wait_seconds)),
    )
