"""What the listener tells of itself: a log line and a count for each turn. Never a payload or a handle."""

from __future__ import annotations

import logging

from ecs_listener.metrics import ListenerMetrics
from muster.contracts import MetricName
from muster.errors import MusterError
from muster.model import Claim
from muster.ports import HandleOutcome


class Telling:
    """Log and metrics of one listener."""

    def __init__(self, *, log: logging.Logger, metrics: ListenerMetrics) -> None:
        self._log = log
        self._metrics = metrics

    def received(self, lane: str, count: int) -> None:
        """Messages came."""
        self._metrics.add("received_total", count, lane=lane)

    def receive_failed(self, lane: str, error: MusterError, *, fatal: bool, pause: float) -> None:
        """A lane did not answer, or never will until somebody mends it."""
        kind = "fatal" if fatal else "transient"
        self._metrics.add("receive_failures_total", lane=lane, kind=kind)
        self._metrics.cloud(MetricName.RECEIVE_FAILURES)
        level = logging.ERROR if fatal else logging.WARNING
        self._log.log(
            level, "receive failed, again in %.1f s: %s", pause, error, extra={"lane": lane}
        )

    def surplus(self, lane: str, count: int) -> None:
        """Messages came that could not start, and were returned."""
        self._metrics.add("surplus_total", count, lane=lane)

    def disposed(self, *, deleting: bool, outcome: HandleOutcome, count: int) -> None:
        """SQS answered to deletes or returns."""
        call = "delete" if deleting else "return"
        self._metrics.add("disposed_total", count, call=call, outcome=outcome)

    def dispose_failed(self, error: MusterError) -> None:
        """A delete or return is not possible; its message comes again and is recognised."""
        self._log.error("messages neither deleted nor returned: %s", error)

    def renewed(self, what: str, result: str, count: int) -> None:
        """Holds were renewed, could not be, or are lost."""
        self._metrics.add("renewals_total", count, what=what, result=result)
        if result == "failed":
            self._log.warning("%d renewals of the %s failed", count, what)

    def renewal_failed(self, error: MusterError) -> None:
        """Visibility cannot be renewed; the ledger's lease is what counts."""
        self._log.error("visibility not renewed: %s", error)

    def lease_lost(self, claim: Claim) -> None:
        """A job was stopped because its lease can no longer be proven; nothing is written of it."""
        self._metrics.add("leases_lost_total")
        self._metrics.cloud(MetricName.LEASES_LOST)
        self._log.warning(
            "lease lost, job stopped",
            extra={"job": claim.job_id, "execution": claim.execution_id, "attempt": claim.attempt},
        )

    def stopping(self, claim: Claim, reason: str) -> None:
        """A job is told to end."""
        self._metrics.add("stopped_total", reason=reason)
        self._log.warning(
            "job is stopped: %s",
            reason,
            extra={"job": claim.job_id, "execution": claim.execution_id, "attempt": claim.attempt},
        )

    def stuck(self, claim: Claim, seconds: float) -> None:
        """A job does not end although it was told to; only the end of the process ends it."""
        self._metrics.add("stuck_total")
        self._log.error(
            "job does not stop since %.0f s: this process drains and is replaced",
            seconds,
            extra={"job": claim.job_id, "execution": claim.execution_id, "attempt": claim.attempt},
        )

    def breaker(self, problem: str | None) -> None:
        """The ledger is away, or back."""
        if problem is None:
            self._log.info("ledger is back, receiving again")
        else:
            self._metrics.add("breaker_opened_total")
            self._log.error("ledger is away, receiving nothing: %s", problem)

    def protection(self, *, on: bool, problem: str | None = None) -> None:
        """Scale-in protection was switched, or could not be."""
        self._metrics.add("protection_total", result="failed" if problem else "on" if on else "off")
        if problem:
            self._log.error(
                "scale-in protection not switched %s: %s", "on" if on else "off", problem
            )
        else:
            self._log.info("scale-in protection is %s", "on" if on else "off")

    def became_leader(self, fence: int) -> None:
        """This instance leads those of its agent now."""
        self._metrics.add("leadership_total", change="became")
        self._log.info("leads the listeners of its agent", extra={"fence": fence})

    def lost_leadership(self, fence: int) -> None:
        """It does not any more: given back, or not renewed in time."""
        self._metrics.add("leadership_total", change="lost")
        self._log.info("leads no more", extra={"fence": fence})

    def phase(self, text: str, **details: object) -> None:
        """The process itself turns to something else."""
        self._log.info(text, extra=details)

    def broken(self, part: str, error: BaseException | None) -> None:
        """A part of the process ended by an error that nothing expected."""
        self._log.error("%s has ended, this process is replaced", part, exc_info=error)

    def stray(self, name: str, error: BaseException | None) -> None:
        """A thread that some job started ended by an error: its agent's affair."""
        self._log.warning("a thread of a job has ended: %s", name, exc_info=error)

    def trouble(self, text: str, error: Exception) -> None:
        """Something beside the jobs did not work; it is tried again."""
        self._log.warning("%s: %s", text, error)
