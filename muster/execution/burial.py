"""Sends the dead letters of failed executions and notes in the ledger that they are sent.

A crash between the two leaves `dlq_pending` set: a redelivery or the dispatcher sends a second copy, which
carries the same `muster-dead-letter` attribute and is counted once.
"""

from __future__ import annotations

from collections.abc import Sequence

from muster.clock import Clock
from muster.crashpoint import crashpoint
from muster.dead_letter import dead_letter, failure_of
from muster.execution.batch import Batch
from muster.execution.record import Recorder
from muster.model import Failure, Outcome
from muster.ports import Queues
from muster.store.ledger import Ledger


class Burial:
    """The way into one agent's DLQ."""

    def __init__(
        self, *, queues: Queues, queue_url: str, ledger: Ledger, recorder: Recorder, clock: Clock
    ) -> None:
        self._queues = queues
        self._queue_url = queue_url
        self._ledger = ledger
        self._recorder = recorder
        self._clock = clock

    def bury_outcomes(self, outcomes: Sequence[Outcome], *, batch: Batch) -> bool:
        """Bury what was just settled as failed; true when every dead letter is in the DLQ."""
        now = self._clock.now()
        return self.bury(
            [
                failure_of(
                    outcome.claim,
                    error=outcome.error.to_json(at=now),
                    body=batch.arrival(outcome.claim).delivery.body,
                )
                for outcome in outcomes
                if outcome.error is not None
            ]
        )

    def bury(self, failures: Sequence[Failure]) -> bool:
        """Send dead letters; true when every one is in the DLQ. What is not stays `dlq_pending`.

        Raises:
            StoreUnavailable: they were sent, but that could not be noted.
        """
        crashpoint("dead_letter.before_send")
        results = self._queues.send_batch(self._queue_url, [dead_letter(f) for f in failures])
        crashpoint("dead_letter.after_send")
        sent = [f for f, result in zip(failures, results, strict=True) if result.ok]
        for failure, result in zip(failures, results, strict=True):
            self._recorder.buried(failure, result)
        if sent:
            self._ledger.dead_letters_sent(sent)
        crashpoint("dead_letter.after_clear")
        return len(sent) == len(failures)
