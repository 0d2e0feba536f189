"""JSON objects on the command line: from `key=value`, and from a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from muster.cli.errors import UsageError
from muster.message.body import UNSTORABLE, parse_object, storable


def assignments(pairs: Iterable[str]) -> dict[str, Any]:
    """What the pairs set: a value that is JSON is that, any other is text.

    Raises:
        UsageError: one is no `key=value`, or two set the same key.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not (key and equals):
            raise UsageError(f"{pair!r} is no key=value, such as max_items=100.")
        if key in found:
            raise UsageError(f"{key} is set twice; set it once.")
        if UNSTORABLE.search(pair):
            raise UsageError(f"{key} is no UTF-8 text; write it in the terminal's encoding.")
        found[key] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON, so they are text


def json_object(text: str, *, noun: str) -> dict[str, Any]:
    """A JSON object that stands on the command line.

    Raises:
        UsageError: it is none.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"The {noun} must be JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f'The {noun} must be a JSON object, such as {{"text": "hello"}}.')
    return value  # pyright: ignore[reportUnknownVariableType]  # a JSON object has string keys


def read_object(path: str) -> dict[str, Any]:
    """The JSON object in a file; `-` is stdin.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
        return storable(parse_object(text), body=text)
    except OSError as error:
        raise UsageError(f"--file {path}: {error.strerror}") from error
    except ValueError as error:  # BodyProblem, or what is no UTF-8
        raise UsageError(f"--file {path} holds no JSON object: {error}") from error
