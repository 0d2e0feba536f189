"""Whether text is a table, and what separates its cells."""

from __future__ import annotations

import csv
import io
from itertools import islice

#: In the order of preference where several would do.
DELIMITERS = (",", "\t", ";", "|")

#: Records that a guess looks at.
_SAMPLE = 20

#: Characters that it looks at, so that one endless line costs nothing.
_SAMPLE_CHARACTERS = 64 * 1024

_LONGEST_NAME = 64


def guess_delimiter(text: str) -> str | None:
    """What separates the columns, if the text looks like a table with a header; prose does not.

    A table has two columns or more, the same number in each of its first records, and a first record
    of distinct short names that are not sentences.
    """
    sample = text[:_SAMPLE_CHARACTERS]
    if len(sample) < len(text):
        sample = sample[: sample.rfind("\n") + 1]
    return next((d for d in DELIMITERS if d in sample and _is_table(sample, d)), None)


def likeliest_delimiter(text: str) -> str:
    """What separates the cells of a document that is said to be a table."""
    first_line = text[:_SAMPLE_CHARACTERS].lstrip().partition("\n")[0]
    return guess_delimiter(text) or max(DELIMITERS, key=first_line.count)


def _is_table(sample: str, delimiter: str) -> bool:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, strict=True)
    try:
        records = [record for record in islice(reader, _SAMPLE) if record]
    except csv.Error:
        return False
    if len(records) < 2 or len(records[0]) < 2:
        return False
    header = records[0]
    return (
        all(len(record) == len(header) for record in records)
        and len(set(header)) == len(header)
        and all(map(_is_name, header))
    )


def _is_name(cell: str) -> bool:
    short = 0 < len(cell) <= _LONGEST_NAME
    return short and cell == cell.strip() and cell[-1] not in ".!?,:;"
