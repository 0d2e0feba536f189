"""Cuts records into batches, bounded in number and in size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .lines import Place
from .record import Record

#: Bytes of the file after which a batch ends, however few records it has.
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordBatch:
    """Records that follow each other."""

    records: tuple[Record, ...]

    @property
    def end(self) -> Place:
        """Right after the last."""
        return self.records[-1].end


def batches(records: Iterable[Record], *, start: Place, most: int) -> Iterator[RecordBatch]:
    """All records, in order.

    Args:
        start: where the first one begins.
        most: of a batch.
    """
    found: list[Record] = []
    begin = start.offset
    for record in records:
        found.append(record)
        if len(found) == most or record.end.offset - begin >= MOST_BYTES:
            yield RecordBatch(records=tuple(found))
            begin = record.end.offset
            found.clear()
    if found:
        yield RecordBatch(records=tuple(found))
