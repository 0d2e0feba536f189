"""Profile of a table in CSV (or with tabs, semicolons or bars): rows, columns and their types."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from muster import PermanentError

from .column import Column
from .delimited import likeliest_delimiter

#: Most columns described, and most characters of their names.
MAX_COLUMNS = 200
MAX_NAME_LENGTH = 200


def profile_csv(text: str) -> dict[str, Any]:
    """The first record is the header; empty lines do not count.

    Raises:
        PermanentError: `broken_csv`.
    """
    delimiter = likeliest_delimiter(text)
    records = _records(text, delimiter)
    header = next(records, [])
    columns = [Column() for _ in header]
    rows = ragged = 0
    for record in records:
        rows += 1
        ragged += len(record) != len(columns)
        for column, cell in zip(columns, record, strict=False):
            column.add(cell)
    types = [
        {"name": name[:MAX_NAME_LENGTH], "type": column.type, "filled": column.filled}
        for name, column in zip(header, columns, strict=True)
    ]
    return {
        "rows": rows,
        "columns": len(header),
        "column_types": types[:MAX_COLUMNS],
        "delimiter": delimiter,
        "ragged_rows": ragged,
    }


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from (record for record in reader if record)
    except csv.Error as exc:
        raise PermanentError(
            f"The document is no valid CSV: {exc} at line {reader.line_num}.", code="broken_csv"
        ) from exc
