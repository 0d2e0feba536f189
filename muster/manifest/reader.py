"""Reads one table of a manifest, collecting every problem instead of stopping at the first.

Each method names a key, says what it may hold and gives its value back typed; what is wrong is
reported and the default returned, so that reading goes on. `finish` reports the keys nobody asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from muster.manifest.duration import format_duration, parse_duration
from muster.manifest.jsonable import not_json
from muster.manifest.moment import NoMoment, read_moment
from muster.manifest.problem import MISSING, Problem, shown

_T = TypeVar("_T")


class _Unfit(Exception):
    """A value that its key may not hold; with a text, that is the cure."""


class Reader:
    """One table (or JSON object) and where it stands."""

    def __init__(
        self, table: Mapping[str, Any], *, file: str, problems: list[Problem], at: str = ""
    ) -> None:
        self._table = table
        self._file = file
        self._problems = problems
        self._at = at
        self._known: set[str] = set()

    def problem(self, key: str, value: str, cure: str) -> None:
        """Report something wrong with a key of this table."""
        self._problems.append(Problem(file=self._file, key=self._path(key), value=value, cure=cure))

    def has(self, key: str) -> bool:
        """Whether the key stands there, right or wrong."""
        return key in self._table

    def refuse(self, key: str, cure: str) -> None:
        """A key that people try, and why it cannot be."""
        self._known.add(key)
        if key in self._table:
            self.problem(key, shown(self._table[key]), cure)

    def text(
        self,
        key: str,
        default: str | None = None,
        *,
        pattern: str | None = None,
        cure: str = "write a text in quotes",
        required: bool = False,
        longest: int = 4096,
    ) -> str | None:
        """A string, not empty unless that is its default, matching the pattern as a whole."""

        def fits(value: Any) -> str:
            if not isinstance(value, str) or (not value and default != "") or len(value) > longest:
                raise _Unfit
            if pattern is not None and not re.fullmatch(pattern, value):
                raise _Unfit
            if not_json(value):
                raise _Unfit
            return value

        return self._read(key, default, fits, cure, required=required)

    def choice(
        self,
        key: str,
        default: str | None,
        choices: Collection[str],
        *,
        required: bool = False,
        why: str = "",
    ) -> str | None:
        """One of a few words."""

        def fits(value: Any) -> str:
            if value not in choices or not isinstance(value, str):
                raise _Unfit
            return value

        return self._read(
            key, default, fits, f"write one of {', '.join(choices)}{why}", required=required
        )

    def integer(self, key: str, default: int | None, *, low: int, high: int) -> int | None:
        """A whole number between two bounds, both included."""

        def fits(value: Any) -> int:
            if type(value) is not int or not low <= value <= high:
                raise _Unfit
            return value

        return self._read(key, default, fits, f"write a whole number from {low} to {high}")

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""

        def fits(value: Any) -> bool:
            if not isinstance(value, bool):
                raise _Unfit
            return value

        return self._read(key, default, fits, "write true or false") is True

    def moment(self, key: str, *, timezone: str) -> datetime | None:
        """A time, in UTC; one without an offset is of this zone."""

        def fits(value: Any) -> datetime:
            try:
                return read_moment(value, timezone=timezone)
            except NoMoment as error:
                raise _Unfit(str(error)) from error

        return self._read(key, None, fits, "")

    def duration(
        self, key: str, default: timedelta | None, *, least: timedelta = timedelta(seconds=1)
    ) -> timedelta | None:
        """A duration of at least so much."""

        def fits(value: Any) -> timedelta:
            try:
                duration = parse_duration(value) if isinstance(value, str) else timedelta(0)
            except ValueError as error:
                raise _Unfit from error
            if duration < least:
                raise _Unfit
            return duration

        cure = f"write hours, minutes and seconds in quotes, at least {format_duration(least)}"
        return self._read(key, default, fits, f"{cure}, such as 90s, 2m or 1h30m") or default

    def texts(
        self,
        key: str,
        default: tuple[str, ...] = (),
        *,
        pattern: str = r".{1,256}",
        cure: str = "write a list of different, non-empty texts",
        unique: bool = True,
    ) -> tuple[str, ...]:
        """A list of strings, each matching the pattern as a whole."""

        def fits(value: Any) -> tuple[str, ...]:
            entries = _sequence(value)
            for entry in entries:
                if not isinstance(entry, str) or not re.fullmatch(pattern, entry):
                    raise _Unfit
                if not_json(entry):
                    raise _Unfit
            if unique and len(set(entries)) != len(entries):
                raise _Unfit
            return tuple(cast("Sequence[str]", entries))

        found = self._read(key, default, fits, cure)
        return default if found is None else found

    def json(self, key: str) -> dict[str, Any] | None:
        """A table that JSON can hold; None when it is not there."""

        def fits(value: Any) -> dict[str, Any]:
            if not isinstance(value, Mapping):
                raise _Unfit
            return dict(cast("Mapping[str, Any]", value))

        found = self._read(key, None, fits, "write a table")
        if found is None:
            return None
        flaws = not_json(found)
        for where, value, cure in flaws:
            self.problem(f"{key}{where}", value, cure)
        return None if flaws else found

    def table(self, key: str) -> Reader:
        """A sub-table to read on; an empty one when it is not there or no table."""

        def fits(value: Any) -> Mapping[str, Any]:
            if not isinstance(value, Mapping):
                raise _Unfit
            return cast("Mapping[str, Any]", value)

        found = self._read(key, None, fits, f"write a table: [{self._path(key)}]")
        return self._below({} if found is None else found, self._path(key))

    def tables(self, key: str) -> list[Reader]:
        """A list of sub-tables."""

        def fits(value: Any) -> Sequence[Any]:
            entries = _sequence(value)
            if not all(isinstance(entry, Mapping) for entry in entries):
                raise _Unfit
            return entries

        found = self._read(key, None, fits, f"write each as a table of its own: [[{key}]]") or []
        path = self._path(key)
        return [self._below(entry, f"{path}[{number}]") for number, entry in enumerate(found)]

    def names(self) -> list[str]:
        """Every key of the table, for tables whose keys are free."""
        self._known.update(self._table)
        return list(self._table)

    def finish(self) -> None:
        """Report the keys that nobody asked for, each with the nearest that exists."""
        for key in self._table:
            if key not in self._known:
                cure = f"there is no such key; {self._nearest(key)}"
                self.problem(key, shown(self._table[key]), cure)

    def _nearest(self, key: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(key, self._known, n=1)
        return f"is it {near[0]}?" if near else f"known are {', '.join(sorted(self._known))}"

    def _read(
        self,
        key: str,
        default: _T | None,
        fits: Callable[[Any], _T],
        cure: str,
        *,
        required: bool = False,
    ) -> _T | None:
        self._known.add(key)
        if key not in self._table:
            if required:
                self.problem(key, MISSING, cure)
            return default
        try:
            return fits(self._table[key])
        except _Unfit as unfit:
            self.problem(key, shown(self._table[key]), str(unfit) or cure)
            return default

    def _below(self, table: Mapping[str, Any], at: str) -> Reader:
        return Reader(table, file=self._file, problems=self._problems, at=at)

    def _path(self, key: str) -> str:
        return f"{self._at}.{key}" if self._at else key


def _sequence(value: Any) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise _Unfit
    return cast("Sequence[Any]", value)
