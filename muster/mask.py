"""Takes secrets out of what is written down: logs, errors, results, progress."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any, cast
from urllib.parse import quote

#: What stands in the place of a secret.
MASKED = "***"

#: Shorter texts occur everywhere by chance, in characters.
SHORTEST = 4

#: The least of a secret's lines that is looked for by itself, in characters.
_SHORTEST_LINE = 12


class Mask:
    """Finds these secrets: as they are, and as JSON, `repr` and URLs write them; long ones by each line too.

    Args:
        secrets: texts; those of fewer than four characters are not looked for.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found: set[str] = set()
        for secret in secrets:
            lines = [line for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_LINE]
            for text in (secret.strip(), *lines):
                if len(text) >= SHORTEST:
                    found |= {text, json.dumps(text)[1:-1], repr(text)[1:-1], quote(text, safe="")}
        # The longest first: what is left of a longer one would not be found as a shorter one.
        self._texts = sorted(found, key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._texts)

    @property
    def longest(self) -> int:
        """Characters of the longest text that is looked for: who cuts a text earlier may cut it in two."""
        return len(self._texts[0]) if self._texts else 0

    def text(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._texts:
            text = text.replace(secret, MASKED)
        return text

    def value(self, value: Any) -> Any:
        """The same in every text of a JSON value, names included."""
        if not self._texts:
            return value
        match value:
            case str():
                return self.text(value)
            case dict():
                items = cast("dict[Any, Any]", value).items()
                return {self.value(name): self.value(item) for name, item in items}
            case list() | tuple():
                return [self.value(item) for item in cast("list[Any]", value)]
            case _:
                return value


class LogMask(logging.Filter):
    """Lets every record pass, without secrets.

    Args:
        mask: tells what to look for when a line is written, since secrets change.
    """

    def __init__(self, mask: Callable[[], Mask]) -> None:
        super().__init__()
        self._mask = mask

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record."""
        mask = self._mask()
        record.msg, record.args = mask.text(_message(record)), None
        if record.exc_info:
            stack = logging.Formatter().formatException(record.exc_info)
            record.exc_info, record.exc_text = None, None
            record.__dict__["exception"] = stack
        for name, value in list(vars(record).items()):
            if name not in _STANDARD:
                record.__dict__[name] = _masked(mask, value)
        return True


#: Attributes that every record has and that hold nothing of an agent's.
_STANDARD = frozenset(vars(logging.makeLogRecord({})))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - a log line with wrong arguments must not end its job
        return f"{record.msg!r} cannot be shown with its arguments: {type(error).__name__}"


def _masked(mask: Mask, value: Any) -> Any:
    """Also what is no JSON: the line would show its text."""
    match value:
        case None | bool() | int() | float() | str() | dict() | list():
            return mask.value(value)  # pyright: ignore[reportUnknownArgumentType] - any JSON
        case _:
            return mask.text(str(value))
