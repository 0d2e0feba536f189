"""Deletes dead letters, each after it was archived in S3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muster.clock import Clock
from muster.contracts import ARCHIVE_PREFIX
from muster.crashpoint import crashpoint
from muster.letters.letter import Letter
from muster.letters.scan import Scan
from muster.letters.selection import EVERYTHING, Selection
from muster.letters.tally import Tally
from muster.ports import Objects, Queues

#: Letters of one object, at most: they are held while it is filled.
OBJECT_LETTERS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """Where letters go before they are deleted."""

    bucket: str
    prefix: str = ARCHIVE_PREFIX

    def key(self, agent_id: str, *, run: str, part: int, now: datetime) -> str:
        """The key of one object of a run."""
        return f"{self.prefix}{agent_id}/{now:%Y/%m/%d}/{run}-{part:05}.json"


class Purge:
    """One run over one queue.

    Args:
        run: names the run's objects; no other run may have the same.
    """

    def __init__(
        self,
        *,
        agent_id: str,
        queue_url: str,
        archive: Archive,
        run: str,
        queues: Queues,
        objects: Objects,
        clock: Clock,
        selection: Selection = EVERYTHING,
        limit: int | None = None,
        dry_run: bool = False,
        seconds: float | None = None,
        tell: Callable[[Tally], None] = lambda _: None,
    ) -> None:
        self._agent_id = agent_id
        self._queue_url = queue_url
        self._archive = archive
        self._run = run
        self._queues = queues
        self._objects = objects
        self._clock = clock
        self._selection = selection
        self._limit = limit
        self._dry_run = dry_run
        self._seconds = seconds
        self._tell = tell
        self._part = 0
        self._tally = Tally(agent_id=agent_id, dry_run=dry_run)

    def purge(self) -> Tally:
        """Archive and delete what is selected; what was counted.

        Raises:
            QueueUnavailable, ObjectsUnavailable: something is away; what is not deleted is still there.
            ConfigurationError: the queue or the bucket is missing or forbidden.
        """
        full: list[Letter] = []
        with Scan(self._queues, self._queue_url, seconds=self._seconds) as scan:
            for messages in scan.batches():
                for letter in (Letter.of(m, agent_id=self._agent_id) for m in messages):
                    if not self._selection.takes(letter):
                        self._tally.others += 1
                    elif not self._reached(len(full)):
                        full.append(letter)
                if len(full) >= OBJECT_LETTERS:
                    self._put_away(full, scan)
                    full = []
                if self._reached(len(full)):
                    break
            self._tally.complete = not (self._reached(len(full)) or scan.out_of_time)
            self._put_away(full, scan)
        return self._tally

    def _reached(self, waiting: int) -> bool:
        return self._limit is not None and self._tally.done + waiting >= self._limit

    def _put_away(self, letters: Sequence[Letter], scan: Scan) -> None:
        if not letters:
            return
        self._part += 1
        if not self._dry_run:
            key = self._archive.key(
                self._agent_id, run=self._run, part=self._part, now=self._clock.now()
            )
            self._objects.put_json(self._archive.bucket, key, [_record(each) for each in letters])
            crashpoint("purge.after_archive")
            scan.take_out([letter.message for letter in letters])
        self._tally.done += len(letters)
        self._tally.errors.update(letter.error for letter in letters)
        self._tell(self._tally)


def _record(letter: Letter) -> dict[str, Any]:
    """All that the message was."""
    message = letter.message
    return {
        "agent_id": letter.agent_id,
        "message_id": message.message_id,
        "sent_at": message.sent_at.isoformat() if message.sent_at else None,
        "receive_count": message.receive_count,
        "attributes": dict(message.attributes),
        "body": message.body,
    }
