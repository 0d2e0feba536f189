"""Sends dead letters back to their lanes: received, sent, deleted, in this order and each alone.

Whoever dies in between leaves the letter in the queue: sent twice it runs once, since a worker runs it only
while its execution is failed at the letter's fence; a letter whose execution has moved on is deleted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from muster.clock import Clock
from muster.contracts import DeadLetterAttribute
from muster.crashpoint import crashpoint
from muster.lane import nearest_lane
from muster.letters.letter import Letter, Parcel
from muster.letters.scan import HIDDEN, Scan
from muster.letters.selection import EVERYTHING, Selection
from muster.letters.tally import Tally
from muster.ports import Outgoing, Queues
from muster.store.dead_letters import Known, Standing

#: A letter that was redriven so often already is left, unless somebody insists.
MOST_REDRIVES = 3
_BATCH = 10
_MOST_ATTRIBUTES = 10


class Standings(Protocol):
    """The ledger, as far as a redrive asks it."""

    def standings(self, agent_id: str, failures: Sequence[tuple[str, int | None]]) -> list[Known]:
        """How each (job id, fence of its letter) stands, in order."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is to be redriven, and how."""

    agent_id: str
    #: Lane to queue URL.
    lanes: Mapping[str, str]
    queue_url: str
    selection: Selection = EVERYTHING
    #: Most letters to send back; None: all of them.
    limit: int | None = None
    #: Letters a second; None: as fast as it goes.
    rate: float | None = None
    most_redrives: int = MOST_REDRIVES
    dry_run: bool = False
    #: Seconds after which no further letters are taken up; None: never.
    seconds: float | None = None


class Redrive:
    """One run over one queue."""

    def __init__(
        self,
        order: Order,
        *,
        queues: Queues,
        ledger: Standings,
        clock: Clock,
        hidden: timedelta = HIDDEN,
        tell: Callable[[Tally], None] = lambda _: None,
    ) -> None:
        self._order = order
        self._queues = queues
        self._ledger = ledger
        self._clock = clock
        self._hidden = hidden
        self._tell = tell
        self._tally = Tally(agent_id=order.agent_id, dry_run=order.dry_run)
        #: Job to the mark of the letter that this run has redriven.
        self._done: dict[str, str] = {}

    def run(self) -> Tally:
        """Redrive what was ordered; what was counted.

        Raises:
            QueueUnavailable, StoreUnavailable: something is away; nothing is lost, run it again.
            ConfigurationError: a queue is missing or forbidden.
        """
        order, tally = self._order, self._tally
        with Scan(
            self._queues,
            order.queue_url,
            hidden=self._hidden,
            batch=self._batch(),
            seconds=order.seconds,
        ) as scan:
            for messages in scan.batches():
                letters = [Letter.of(message, agent_id=order.agent_id) for message in messages]
                sent = self._redrive(letters, scan)
                self._tell(tally)
                if self._full():
                    break
                if order.rate is not None and not order.dry_run:
                    self._clock.sleep(sent / order.rate)
            tally.complete = not (self._full() or scan.out_of_time)
        return tally

    def _batch(self) -> int:
        """Few enough that the pauses of a slow rate are short against what is held."""
        if self._order.rate is None:
            return _BATCH
        return max(1, min(_BATCH, int(self._order.rate * self._hidden.total_seconds() / 4)))

    def _full(self) -> bool:
        return self._order.limit is not None and self._tally.done >= self._order.limit

    def _redrive(self, letters: Sequence[Letter], scan: Scan) -> int:
        """Deal with some letters; how many were sent."""
        chosen = [letter for letter in letters if self._order.selection.takes(letter)]
        self._tally.others += len(letters) - len(chosen)
        stale: list[Letter] = []
        ready: list[tuple[Letter, list[Parcel]]] = []
        for letter, parcels in self._judged(chosen):
            if not parcels or self._done.get(letter.parcels[0].job_id) == letter.mark:
                stale.append(letter)
                self._tally.stale += 1
            elif any(parcel.job_id in self._done for parcel in parcels):
                self._tally.again += 1
            elif not self._full():
                ready.append((letter, parcels))
                self._done |= {parcel.job_id: letter.mark for parcel in parcels}
                self._tally.done += 1
        if not self._order.dry_run:
            scan.take_out([letter.message for letter in stale])
            self._send(ready, scan)
        self._tally.errors.update(
            letter.error for letter, parcels in ready if parcels[0].job_id in self._done
        )
        return len(ready)

    def _judged(self, letters: Sequence[Letter]) -> list[tuple[Letter, list[Parcel]]]:
        """Each letter with the jobs that a worker would run; those that are worn out are left."""
        asked = [(p.job_id, letter.fence) for letter in letters for p in letter.parcels]
        answers = iter(self._ledger.standings(self._order.agent_id, asked))
        judged: list[tuple[Letter, list[Parcel]]] = []
        for letter in letters:
            known = [(parcel, next(answers)) for parcel in letter.parcels]
            live = [p for p, answer in known if answer.standing is not Standing.MOVED_ON]
            redrives = max([letter.redrives, *(answer.redrives for _, answer in known)])
            if live and redrives >= self._order.most_redrives:
                self._tally.worn_out += 1
            else:
                judged.append((letter, live))
        return judged

    def _send(self, ready: Sequence[tuple[Letter, list[Parcel]]], scan: Scan) -> None:
        if not ready:
            return
        by_lane: dict[str, list[tuple[Letter, Outgoing]]] = defaultdict(list)
        for letter, parcels in ready:
            for parcel in parcels:
                lane = self._order.lanes[nearest_lane(parcel.priority, self._order.lanes)]
                by_lane[lane].append((letter, _outgoing(letter, parcel)))
        crashpoint("redrive.before_send")
        refused: set[str] = set()
        for lane, entries in by_lane.items():
            results = self._queues.send_batch(lane, [outgoing for _, outgoing in entries])
            for (letter, _), result in zip(entries, results, strict=True):
                if not result.ok:
                    refused.add(letter.message.message_id)
        crashpoint("redrive.after_send")
        gone = [letter.message for letter, _ in ready if letter.message.message_id not in refused]
        scan.take_out(gone)
        for letter, parcels in ready:
            if letter.message.message_id in refused:
                self._tally.done -= 1
                self._tally.refused += 1
                for parcel in parcels:
                    del self._done[parcel.job_id]
        crashpoint("redrive.after_delete")


def _outgoing(letter: Letter, parcel: Parcel) -> Outgoing:
    """The letter as the console moves it: what tells of its failure is its permit to run again."""
    attributes = dict(letter.told)
    if letter.fence is None and len(attributes) < _MOST_ATTRIBUTES:
        # No row may ever count these: should SQS move it here again, it says itself how often.
        attributes[DeadLetterAttribute.REDRIVES] = str(letter.redrives + 1)
    return Outgoing(body=parcel.body, attributes=attributes)
