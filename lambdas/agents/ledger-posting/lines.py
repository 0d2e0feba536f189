"""The physical lines of a file, bounded in length, each with its place, so that reading can go on there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: Longest line, in bytes.
LONGEST = 64 * 1024

#: Longest record of several lines, in bytes: a quote that is not closed swallows no more than that.
LONGEST_RECORD = 4 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A place between two lines of a file."""

    #: Bytes before it.
    offset: int = 0
    #: Lines before it.
    line: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line."""

    #: With its line end, if it has one; None: it is longer than `LONGEST`.
    content: bytes | None
    #: Right after it.
    end: Place


def read_lines(pieces: Iterable[bytes], start: Place) -> Iterator[Line]:
    """The lines of these pieces of a file, the first of which begins at this place."""
    offset, number = start.offset, start.line
    rest = bytearray()
    #: Length of the line so far that was thrown away, since it is too long.
    dropped = 0
    for piece in pieces:
        rest += piece
        begin = 0
        while (end := rest.find(b"\n", begin) + 1) > 0:
            length = dropped + end - begin
            offset, number = offset + length, number + 1
            content = bytes(rest[begin:end]) if length <= LONGEST else None
            yield Line(content=content, end=Place(offset=offset, line=number))
            begin, dropped = end, 0
        del rest[:begin]
        if len(rest) > LONGEST:
            dropped += len(rest)
            rest.clear()
    length = dropped + len(rest)
    if length:
        content = bytes(rest) if length <= LONGEST else None
        yield Line(content=content, end=Place(offset=offset + length, line=number + 1))


class Feed:
    """Lines of which some can be given back, to be read again."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._back: list[Line] = []

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        return self._back.pop() if self._back else next(self._lines)

    def give_back(self, lines: list[Line]) -> None:
        """They come again, in this order."""
        self._back += reversed(lines)
