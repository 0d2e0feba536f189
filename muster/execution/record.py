"""What is told about executions: one log line and the metrics for each turn of a job. Never its payload."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from muster.clock import Clock
from muster.contracts import MetricName
from muster.execution.trace import traceparent_of
from muster.metrics import Metrics
from muster.model import Claim, Delivery, Failure, Judgement, Outcome, Status, Verdict
from muster.ports import Sent

_METRIC_OF = {
    Status.COMPLETED: MetricName.COMPLETED,
    Status.FAILED: MetricName.FAILED,
    Status.CANCELLED: MetricName.CANCELLED,
}


class Recorder:
    """Log and metrics of one agent's worker.

    Args:
        threads: several threads run jobs at once, so the keys of a job are its thread's.
    """

    def __init__(
        self, *, log: logging.Logger, metrics: Metrics, clock: Clock, threads: bool = False
    ) -> None:
        self._log = log
        self._metrics = metrics
        self._clock = clock
        prefix = "thread_safe_" if threads else ""
        self._append: Callable[..., None] = getattr(log, f"{prefix}append_keys", _nothing)
        self._remove: Callable[..., None] = getattr(log, f"{prefix}remove_keys", _nothing)
        # A log that asks for the keys only when there is a line.
        self._lend: Callable[..., None] | None = getattr(log, "lend_keys", None)
        # And one that writes what it says of many at once.
        self._each: Callable[[int, str, Sequence[Mapping[str, Any]]], None] = getattr(
            log, "each", self._one_by_one
        )

    def judged(self, judgement: Judgement, delivery: Delivery) -> None:
        """The ledger answered to one delivery."""
        if judgement.verdict is Verdict.DUPLICATE:
            self._metrics.count(MetricName.DUPLICATES)
        if judgement.verdict is not Verdict.TAKEN:
            self._log.info("delivery %s", judgement.verdict, extra={"job": delivery.job_id})

    def idle(self, message_ids: Sequence[str]) -> None:
        """Messages ask for nothing: S3's test, or something else than a new object."""
        for message_id in message_ids:
            self._log.info("message asks for no job", extra={"message_id": message_id})

    def started(self, claim: Claim) -> None:
        """An attempt begins; what the agent logs from here carries its job."""
        if self._lend is None:
            self._append(**_keys(claim))
        else:
            self._lend(lambda: _keys(claim))

    def ended(self, _claim: Claim) -> None:
        """The attempt is over; the log line of its outcome names the job itself."""
        if self._lend is None:
            self._remove(_NAMES)
        else:
            self._lend(None)

    def settled(self, outcome: Outcome, state: Status | None) -> None:
        """An outcome was written, or refused (`state` is None)."""
        self.all_settled([(outcome, state)])

    def all_settled(self, settled: Sequence[tuple[Outcome, Status | None]]) -> None:
        """The same of all that one statement wrote or refused: a line for each, counted together."""
        now = self._clock.now()
        counts: Counter[str] = Counter()
        durations: list[float] = []
        latencies: list[float] = []
        told: defaultdict[tuple[int, str], list[Mapping[str, Any]]] = defaultdict(list)
        for outcome, state in settled:
            latency = max(0.0, (now - outcome.claim.queued_at).total_seconds() * 1000)
            told[_said(outcome, state)].append(_settled_keys(outcome, state, latency))
            if state is None:
                counts[MetricName.FENCED] += 1
                continue
            counts[_METRIC_OF.get(state, MetricName.RETRIED)] += 1
            if "executionTime" in outcome.metrics:
                durations.append(outcome.metrics["executionTime"])
            if state.terminal:
                latencies.append(latency)
        for (level, message), lines in told.items():
            self._each(level, message, lines)
        for name, amount in counts.items():
            self._metrics.count(name, amount)
        if durations:
            self._metrics.milliseconds(MetricName.DURATION, *durations)
        if latencies:
            self._metrics.milliseconds(MetricName.LATENCY, *latencies)

    def _one_by_one(self, level: int, message: str, lines: Sequence[Mapping[str, Any]]) -> None:
        for keys in lines:
            self._log.log(level, message, extra=keys)

    def buried(self, failure: Failure, result: Sent) -> None:
        """A dead letter was sent, or could not be."""
        keys = {
            "job": failure.job_id,
            "execution": failure.execution_id,
            "agent": failure.agent_id,
            "attempt": failure.attempts,
            "code": failure.error["code"],
        }
        if result.ok:
            self._metrics.count(MetricName.DEAD_LETTERS)
            self._log.warning("dead letter sent", extra=keys)
        else:
            self._metrics.count(MetricName.LETTERS_REFUSED)
            self._log.error(
                "dead letter not sent, the dispatcher will: %s", result.error, extra=keys
            )

    def refused(self, *, lane: str, messages: int, wait: timedelta) -> None:
        """Messages come back later: all slots are held, or kept for another lane."""
        self._metrics.count(MetricName.REFUSED, messages)
        self._log.info(
            "no slot for %d messages of lane %s, back in %.1f s",
            messages,
            lane,
            wait.total_seconds(),
        )

    def slot_stuck(self, error: Exception) -> None:
        """A slot could not be given back: it ends by itself."""
        self._log.warning("slot not given back, it ends with its lease: %s", error)

    def store_away(self, error: Exception) -> None:
        """The ledger cannot be reached: nothing of this batch is acknowledged."""
        self._log.error("ledger away, messages are kept: %s", error)

    def refused_claim(self, delivery: Delivery, error: Exception) -> None:
        """The ledger refuses the statement that would record this delivery."""
        reason = type(error).__name__
        self._log.error("delivery cannot be recorded: %s", reason, extra={"job": delivery.job_id})

    def refused_settlement(self, outcome: Outcome, error: Exception) -> None:
        """The ledger refuses the statement that would record this outcome."""
        reason = type(error).__name__
        self._log.error("outcome cannot be recorded: %s", reason, extra=_keys(outcome.claim))


#: Names of what `_keys` gives.
_NAMES = ("job", "execution", "agent", "attempt", "traceparent")


def _nothing(*_names: object, **_keys: object) -> None:
    """What a log does about keys that can carry none."""


def _said(outcome: Outcome, state: Status | None) -> tuple[int, str]:
    """How loud, and what, of an outcome that was written, or refused (`state` is None)."""
    if state is None:
        return logging.WARNING, "write refused: another worker holds the execution"
    level = logging.INFO if outcome.error is None else logging.WARNING
    return level, f"execution {outcome.kind}"


def _settled_keys(outcome: Outcome, state: Status | None, latency: float) -> dict[str, Any]:
    keys = _keys(outcome.claim)
    keys["status"] = state
    keys["kind"] = outcome.kind
    keys["latency_ms"] = round(latency)
    if "executionTime" in outcome.metrics:
        keys["duration_ms"] = outcome.metrics["executionTime"]
    if state is not None and outcome.error is not None:
        keys["code"] = outcome.error.code
        keys["class"] = outcome.error.error_class
    return keys


def _keys(claim: Claim) -> dict[str, Any]:
    return {
        "job": claim.job_id,
        "execution": claim.execution_id,
        "agent": claim.agent_id,
        "attempt": claim.attempt,
        "traceparent": traceparent_of(claim),
    }
