"""The file of a job: its records from any place on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from muster import PermanentError

from .csv_records import csv_records, read_header
from .json_records import json_records
from .lines import Place, read_lines
from .record import Record
from .stored_object import StoredObject

_CSV = (".csv", ".tsv")
_JSON = (".jsonl", ".ndjson", ".json")

#: How files begin that are no text, or no UTF-8.
_FOREIGN = {
    b"\x1f\x8b": "compressed by gzip",
    b"PK\x03\x04": "a zip archive",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerFile:
    """A file of transactions, in CSV or JSON lines."""

    object: StoredObject
    #: `csv` or `jsonl`; None: as the name of the file ends, or as it begins.
    format: str | None = None
    client: Any = None

    def records(self, start: Place) -> Iterator[Record]:
        """The records from this place on.

        Raises:
            PermanentError: `unsupported_type` or `broken_header`, and what reading the object raises.
        """
        pieces = self.object.pieces(0, client=self.client)
        first = next(pieces, b"")
        _check(first)
        if self._is_csv(first):
            header = read_header(read_lines(chain([first], pieces), Place()))
            if header is None:
                return
            start = max(start, header.end, key=lambda place: place.offset)
            yield from csv_records(read_lines(self._from(start, first), start), header)
        else:
            yield from json_records(read_lines(self._from(start, first), start))

    def _from(self, start: Place, first: bytes) -> Iterator[bytes]:
        """The content from this place on; what is in hand is not read again."""
        if start.offset < len(first):
            yield first[start.offset :]
            start = Place(offset=len(first))
        yield from self.object.pieces(start.offset, client=self.client)

    def _is_csv(self, first: bytes) -> bool:
        if self.format is not None:
            return self.format == "csv"
        name = self.object.key.lower()
        if name.endswith((*_CSV, *_JSON)):
            return name.endswith(_CSV)
        return not first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def _check(first: bytes) -> None:
    for mark, kind in _FOREIGN.items():
        if first.startswith(mark):
            raise PermanentError(
                f"The file is {kind}. Upload it as CSV or JSON lines in UTF-8.",
                code="unsupported_type",
            )
