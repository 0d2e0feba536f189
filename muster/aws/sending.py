"""Sending many messages: whole calls, and again alone what a call refused for now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from muster.aws.batch import attributes_of, chunks, refusal
from muster.errors import MusterError, PermanentError, QueueUnavailable
from muster.ports import Outgoing, Ready, Sent

#: Times that an entry is sent before its failure is told.
ROUNDS = 4

#: Longest pause before the second round, in seconds; it doubles with each further one.
FIRST_PAUSE = 0.1

_Indexed = tuple[int, Outgoing]


class BatchSender:
    """Sends entries through one queue's batch call and keeps what became of each.

    Args:
        call: takes at most one call's worth of entries, and makes of them what sends them when it is called;
            that answers as SendMessageBatch, ids being places.
        sleep: waits the given seconds.
        jitter: a number in 0..1, anew at each call.
    """

    def __init__(
        self,
        call: Callable[[list[dict[str, Any]]], Ready[dict[str, Any]]],
        *,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> None:
        self._call = call
        self._sleep = sleep
        self._jitter = jitter
        self._results: dict[int, Sent] = {}
        self._waiting: list[_Indexed] = []
        self._first: Ready[dict[str, Any]] | None = None
        self._single = False

    def prepare(self, entries: Sequence[Outgoing]) -> Ready[list[Sent]]:
        """Make the first call ready; what is returned makes it and all others, with one result per entry."""
        # All are checked before the first is sent, so that a ValueError means that nothing was.
        refusals = [refusal(entry) for entry in entries]
        self._results = {i: Sent(error=error) for i, error in enumerate(refusals) if error}
        self._waiting = [(i, entry) for i, entry in enumerate(entries) if refusals[i] is None]
        calls = list(chunks(self._waiting))
        if calls:
            self._first = self._call([_wire(entry) for _, entry in calls[0]])
            self._single = len(calls) == 1
        return Ready(send=self._send, post=self._post)

    def _post(self) -> Callable[[], list[Sent]] | None:
        """Several calls are not posted: the others would leave when somebody listens, and not now."""
        if self._first is None or not self._single:
            return None
        hear = self._first.post()
        if hear is None:
            return None
        self._first = replace(self._first, send=hear)
        return self._send

    def _send(self) -> list[Sent]:
        waiting = self._waiting
        for number in range(ROUNDS):
            if number:
                self._sleep(self._jitter() * FIRST_PAUSE * 2 ** (number - 1))
            waiting = self._round(waiting)
            if not waiting:
                break
        return [self._results[i] for i in sorted(self._results)]

    def _round(self, waiting: Sequence[_Indexed]) -> list[_Indexed]:
        """Send all once; what is worth another round is returned."""
        again: list[_Indexed] = []
        broken: MusterError | None = None
        for chunk in chunks(waiting):
            if broken is None:
                try:
                    again += self._chunk(chunk)
                    continue
                except MusterError as error:
                    broken = error
            # The client has tried several times by now: the calls after this one would only be slow too.
            self._results.update({index: Sent(error=broken) for index, _ in chunk})
        return [] if broken else again

    def _chunk(self, chunk: list[_Indexed]) -> list[_Indexed]:
        call, self._first = self._first, None
        reply = (call or self._call([_wire(entry) for _, entry in chunk])).send()
        told: dict[int, Sent] = {
            int(sent["Id"]): Sent(message_id=sent["MessageId"])
            for sent in reply.get("Successful", [])
        }
        told |= {int(failed["Id"]): _failure(failed) for failed in reply.get("Failed", [])}
        again: list[_Indexed] = []
        for place, (index, entry) in enumerate(chunk):
            sent = told.get(place) or Sent(error=QueueUnavailable("SQS did not mention the entry"))
            self._results[index] = sent
            if isinstance(sent.error, QueueUnavailable):
                again.append((index, entry))
        return again


def _wire(entry: Outgoing) -> dict[str, Any]:
    wire: dict[str, Any] = {"MessageBody": entry.body}
    if entry.attributes:
        wire["MessageAttributes"] = attributes_of(entry)
    # At most some minutes. Without one the queue's own delay counts, which our queues do not have.
    if entry.delay.seconds:
        wire["DelaySeconds"] = entry.delay.seconds
    return wire


def _failure(failed: dict[str, Any]) -> Sent:
    code = str(failed.get("Code"))
    if failed.get("SenderFault") and "hrottl" not in code:
        return Sent(
            error=PermanentError(f"SQS refused the message ({code})", code="message_refused")
        )
    return Sent(error=QueueUnavailable(f"SQS could not take the message for now ({code})"))
