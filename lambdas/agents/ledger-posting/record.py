"""What one or more lines of a file say: the fields of a transaction, or what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .flaw import Flaw
from .lines import LONGEST, LONGEST_RECORD, Line, Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One record of a file."""

    #: Number of its first line, from 1.
    line: int
    content: Mapping[str, Any] | Flaw
    #: Right after it.
    end: Place


def text_of(line: Line) -> str:
    """The line as text.

    Raises:
        Flaw: it is too long, or no UTF-8.
    """
    if line.content is None:
        raise Flaw("too_long", f"is longer than {LONGEST} bytes")
    # The first line may begin with a byte order mark.
    codec = "utf-8-sig" if line.end.line == 1 else "utf-8"
    try:
        return line.content.decode(codec)
    except UnicodeDecodeError as error:
        raise Flaw("bad_text", "is not UTF-8") from error


def open_quote() -> Flaw:
    """The flaw of a record that does not end."""
    return Flaw("open_quote", f"has a quote that is not closed within {LONGEST_RECORD} bytes")
