"""The run ledger: claim, settle, checkpoint and cancel, each one guarded statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from muster.clock import Clock, SystemClock
from muster.model import Claim, Claimant, Delivery, Failure, Judgement, Outcome, Status, Verdict
from muster.store.connection import Database, Row
from muster.store.document import bounded_document, document
from muster.store.judgement import known_judgement, new_judgement
from muster.store.ledger_rows import new_rows, outcome_row
from muster.store.statements import statements


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
        self,
        deliveries: Sequence[Delivery],
        *,
        claimant: Claimant,
        lease: timedelta,
        meanwhile: Callable[[], object] | None = None,
    ) -> list[Judgement]:
        """Judge deliveries and take those that may run now, for `lease`.

        Jobs never seen before cost one statement; a second one judges the rest. A job id that comes twice
        in `deliveries` is judged in the order of arrival.

        Args:
            meanwhile: called once, while Postgres works. It must not use this ledger.

        Raises:
            StoreUnavailable: nothing is known to be claimed; calling again is safe.
        """
        judged: dict[int, Judgement] = {}
        waiting = list(range(len(deliveries)))
        while waiting:
            batch: dict[str, int] = {}
            later = [at for at in waiting if batch.setdefault(deliveries[at].job_id, at) != at]
            judgements = self._claim_distinct(
                [deliveries[at] for at in batch.values()],
                claimant=claimant,
                lease=lease,
                meanwhile=meanwhile,
            )
            meanwhile = None
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
            "outcomes": document([outcome_row(o, now) for o in outcomes]),
            "count": len(outcomes),
        }
        states = _by_execution(self._database.run(self._sql["settle"], written))
        if len(states) < len(outcomes):
            # A refusal, or a repeat after a lost COMMIT reply: the rows tell which.
            states = _by_execution(self._database.run(self._sql["settled_already"], written))
        return states

    def checkpoint(self, claim: Claim, state: Any) -> bool:
        """Save an agent's progress; false when the claim is lost.

        Raises:
            ValueError, TypeError: it is no JSON, or nested too deep.
            StoreUnavailable: it is not known whether it was saved.
        """
        rows = self._database.run(
            self._sql["checkpoint"],
            {
                "execution_id": str(claim.execution_id),
                "created_at": claim.created_at,
                "fence": claim.fence,
                "state": bounded_document(state),
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
                ),
                "count": len(failures),
            },
        )

    def cancel(self, *, agent_id: str, job_id: str, reason: str) -> Status | None:
        """Call a job off; returns the state it is in now, or None when there is no such job."""
        rows = self._database.run(
            self._sql["cancel"], {"agent_id": agent_id, "job_id": job_id, "reason": reason}
        )
        return Status(rows[0][0]) if rows else None

    def _claim_distinct(
        self,
        deliveries: list[Delivery],
        *,
        claimant: Claimant,
        lease: timedelta,
        meanwhile: Callable[[], object] | None,
    ) -> list[Judgement]:
        token = self._new_token()
        judgements = self._claim_new(
            deliveries, claimant=claimant, lease=lease, token=token, meanwhile=meanwhile
        )
        known = [d for d in deliveries if d.job_id not in judgements]
        if known:
            judgements |= self._claim_known(known, claimant=claimant, lease=lease, token=token)
        return [
            judgements.get(d.job_id) or Judgement(message_id=d.message_id, verdict=Verdict.UNKNOWN)
            for d in deliveries
        ]

    def _claim_new(
        self,
        deliveries: list[Delivery],
        *,
        claimant: Claimant,
        lease: timedelta,
        token: str,
        meanwhile: Callable[[], object] | None,
    ) -> dict[str, Judgement]:
        asked = new_rows(deliveries, self._clock.now())
        rows = self._database.run(
            self._sql["claim_new"],
            {
                **_claim_parameters(claimant, lease, token),
                "deliveries": document(asked),
                "count": len(deliveries),
            },
            meanwhile=meanwhile,
        )
        by_execution = {
            row["execution_id"]: delivery for row, delivery in zip(asked, deliveries, strict=True)
        }
        judgements: dict[str, Judgement] = {}
        for status, created_at, executions in rows:
            lease_expires_at = created_at + lease
            for execution_id in executions.split():
                delivery = by_execution[execution_id]
                judgements[delivery.job_id] = new_judgement(
                    delivery,
                    execution_id,
                    status,
                    created_at=created_at,
                    lease_expires_at=lease_expires_at,
                    claimant=claimant,
                )
        return judgements

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
        return {row[0]: known_judgement(by_job[row[0]], row, claimant.agent_id) for row in rows}


def _by_execution(rows: Sequence[Row]) -> dict[str, Status]:
    states: dict[str, Status] = {}
    for status, executions in rows:
        states |= dict.fromkeys(executions.split(), Status(status))
    return states


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
