"""Records of CSV: a header, then one transaction a record; quoted text may go over several lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from muster import PermanentError

from .flaw import Flaw
from .lines import LONGEST_RECORD, Feed, Line, Place
from .reading import OPTIONAL, PAIR, REQUIRED
from .record import Record, open_quote, text_of

DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What the first record of a file says of the others."""

    delimiter: str
    names: tuple[str, ...]
    #: Right after it.
    end: Place


def read_header(lines: Iterator[Line]) -> Header | None:
    """The header of the file whose lines these are; None of an empty file.

    Raises:
        PermanentError: `broken_header`; without it no line means anything.
    """
    line = next(lines, None)
    if line is None:
        return None
    wanted, known = REQUIRED | PAIR, REQUIRED | PAIR | OPTIONAL
    try:
        text = text_of(line)
    except Flaw as flaw:
        raise _broken(flaw.text) from flaw
    for delimiter in DELIMITERS:
        cells = next(csv.reader([text], delimiter=delimiter), [])
        names = tuple(cell.strip() for cell in cells)
        if len(names) > 1:
            found = set(names)
            if len(found) < len(names) or not wanted <= found or not found <= known:
                break
            return Header(delimiter=delimiter, names=names, end=line.end)
    raise _broken(
        f"name the columns {', '.join(sorted(wanted))}, and {', '.join(sorted(OPTIONAL))} "
        "if you like, each once and no others, between commas, semicolons or tabs"
    )


def _broken(cure: str) -> PermanentError:
    return PermanentError(
        f"The first line is no header of transactions: {cure}", code="broken_header"
    )


def csv_records(lines: Iterator[Line], header: Header) -> Iterator[Record]:
    """The records of these lines, which come after the header; blank ones are none."""
    taken = _Taken(Feed(lines))
    reader = csv.reader(taken, delimiter=header.delimiter, strict=True)
    while True:
        taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, Flaw) as error:
            # What a quote that is not closed swallowed may be good: only the first line of it is wrong.
            taken.give_back_all_but_first()
            flaw = error if isinstance(error, Flaw) else Flaw("bad_csv", "is not valid CSV")
            yield taken.record(flaw)
        else:
            if cells:
                yield taken.record(_named(cells, header))


class _Taken:
    """The lines of one record, as the reader asks for them."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._lines: list[Line] = []
        self._bytes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._feed)
        self._lines.append(line)
        text = text_of(line)
        self._bytes += len(line.content or b"")
        if len(self._lines) > 1 and self._bytes > LONGEST_RECORD:
            raise open_quote()
        return text

    def clear(self) -> None:
        self._lines.clear()
        self._bytes = 0

    def give_back_all_but_first(self) -> None:
        self._feed.give_back(self._lines[1:])
        del self._lines[1:]

    def record(self, content: dict[str, str] | Flaw) -> Record:
        return Record(line=self._lines[0].end.line, content=content, end=self._lines[-1].end)


def _named(cells: list[str], header: Header) -> dict[str, str] | Flaw:
    if len(cells) != len(header.names):
        return Flaw("bad_csv", f"has {len(cells)} cells where the header has {len(header.names)}")
    return dict(zip(header.names, cells, strict=True))
