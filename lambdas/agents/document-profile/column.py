"""The type of a table's column: the narrowest that holds all of its cells."""

from __future__ import annotations

import re

_FORMS = {
    "boolean": re.compile(r"true|false", re.IGNORECASE),
    # A leading zero makes it a code (a postcode, a phone number), not a number.
    "integer": re.compile(r"[+-]?(?:0|[1-9]\d*)", re.ASCII),
    "number": re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII),
    "date": re.compile(r"\d{4}-[01]\d-[0-3]\d", re.ASCII),
    "datetime": re.compile(
        r"\d{4}-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-6]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?",
        re.ASCII,
    ),
}

#: What a type widens to when a cell does not fit; everything fits a string.
_WIDER = {"integer": "number", "date": "datetime"}


class Column:
    """Learns the type from one cell after another."""

    def __init__(self) -> None:
        self._type = ""
        #: Cells that are not empty.
        self.filled = 0

    @property
    def type(self) -> str:
        """`boolean`, `integer`, `number`, `date`, `datetime`, `string`, or `empty` without any cell."""
        return self._type or "empty"

    def add(self, cell: str) -> None:
        """Take one more cell into account; white space around it does not matter, empty ones neither."""
        if not (cell and (value := cell.strip())):
            return
        self.filled += 1
        if not self._type:
            self._type = next((name for name in _FORMS if _FORMS[name].fullmatch(value)), "string")
        while self._type != "string" and not _FORMS[self._type].fullmatch(value):
            self._type = _WIDER.get(self._type, "string")
