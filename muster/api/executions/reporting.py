"""`PATCH /v1/executions/{id}`: a worker outside says how far it is, or how it ended, by its fence."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from muster.api.answer import Answer
from muster.api.problem import Problem, conflict, not_found
from muster.contracts import INLINE_RESULT_BYTES
from muster.errors import Cancelled, MusterError, PermanentError, RetryableError, RetryLater
from muster.execution.record import Recorder
from muster.execution.report import LONGEST_MESSAGE, LONGEST_STACK
from muster.metrics import EmbeddedMetrics
from muster.model import ErrorRecord, Outcome, Status
from muster.retry import decide, relay_delay
from muster.store.document import document
from muster.store.ledger import Ledger

if TYPE_CHECKING:
    from muster.api.route import Call
    from muster.api.services import Services
    from muster.keys.access import Hold
    from muster.model import JsonObject
    from muster.store.outside_work import Attempted

#: Largest progress, in bytes of JSON.
PROGRESS_BYTES = 16 * 1024


def report(call: Call, services: Services) -> Answer:
    """Note what a worker says of the execution that its token is for."""
    hold = _hold(call)
    status = call.body.get("status", str(Status.RUNNING))
    return _go_on(call, services, hold) if status == Status.RUNNING else _end(call, services, hold)


def _go_on(call: Call, services: Services, hold: Hold) -> Answer:
    progress = call.body.get("progress")
    if progress is not None:
        _bound(progress, PROGRESS_BYTES, "progress")
    state = call.body.get("state")
    if state is not None:
        _bound(state, INLINE_RESULT_BYTES, "state")
    alive = services.outside_work(call.tenant).progress(
        hold, progress=progress, state=state, metrics=call.body.get("metrics")
    )
    if alive is None:
        raise _lost()
    return _answer(
        hold,
        Status.RUNNING,
        cancel_requested=alive.cancel_requested,
        lease_expires_at=alive.lease_expires_at.isoformat(),
    )


def _end(call: Call, services: Services, hold: Hold) -> Answer:
    attempted = services.outside_work(call.tenant).attempted(hold)
    if attempted is None:
        raise _lost()
    outcome = _outcome(call.body, attempted)
    written = Ledger(services.database, clock=services.clock).settle([outcome])
    state = written.get(hold.execution_id)
    metrics = EmbeddedMetrics(stage=services.stage, agent=attempted.claim.agent_id)
    Recorder(log=services.log, metrics=metrics, clock=services.clock).settled(outcome, state)
    metrics.flush()
    if state is None:
        raise _lost()
    return _answer(hold, state, cancel_requested=attempted.cancel_requested, lease_expires_at=None)


def _outcome(body: JsonObject, attempted: Attempted) -> Outcome:
    metrics = {**attempted.metrics, **body.get("metrics", {})}
    claim = attempted.claim
    if body["status"] == Status.COMPLETED:
        result = body.get("result")
        _bound(result, INLINE_RESULT_BYTES, "result")
        return Outcome(
            claim=claim, status=Status.COMPLETED, kind="completed", result=result, metrics=metrics
        )
    error = _error(body)
    decision = decide(
        error,
        attempt=claim.attempt,
        max_attempts=claim.max_attempts,
        jitter=random.random(),  # noqa: S311 - jitter, not a secret
    )
    cancelled = decision.status is Status.CANCELLED
    return Outcome(
        claim=claim,
        status=decision.status,
        kind=decision.kind,
        error=None if cancelled else _record(body["error"]),
        metrics=metrics,
        delay=decision.delay,
        relay_delay=relay_delay(decision.delay),
        reason=str(error) if cancelled else None,
    )


def _error(body: JsonObject) -> MusterError:
    """What the worker reports, as the error that it would have raised in a worker of ours."""
    if body["status"] == Status.CANCELLED:
        return Cancelled(body.get("reason", "the worker called it off"))
    message = body["error"]["message"]
    if not body["error"].get("retryable", True):
        return PermanentError(message)
    after = body.get("retry_after_seconds")
    return RetryableError(message) if after is None else RetryLater(message, after=after)


def _record(error: JsonObject) -> ErrorRecord:
    stack = error.get("stack")
    return ErrorRecord(
        message=error["message"][:LONGEST_MESSAGE],
        code=error.get("code", "agent_error"),
        retryable=error.get("retryable", True),
        error_class=error.get("class"),
        stack=None if stack is None else stack[-LONGEST_STACK:],
    )


def _bound(value: Any, most: int, noun: str) -> None:
    if len(document(value).encode()) > most:
        raise Problem(
            413,
            "too_large",
            f"the {noun} may have {most} bytes of JSON; put what is larger into S3 and report its key",
        )


def _hold(call: Call) -> Hold:
    hold = call.principal.hold if call.principal is not None else None
    if hold is None:
        raise ValueError("reporting is open to tokens of executions alone")
    if call.path_values["id"] != hold.execution_id:
        raise not_found("the token is for another execution")
    return hold


def _lost() -> Problem:
    return conflict(
        "execution_lost",
        "the execution has ended, or another attempt has taken it: stop working on it",
    )


def _answer(
    hold: Hold, status: Status, *, cancel_requested: bool, lease_expires_at: str | None
) -> Answer:
    return Answer(
        value={
            "execution_id": hold.execution_id,
            "status": str(status),
            "cancel_requested": cancel_requested,
            "lease_expires_at": lease_expires_at,
        }
    )
