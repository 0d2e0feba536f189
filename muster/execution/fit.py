"""Checks values against a JSON Schema of a manifest, compiled once a process. Values are never quoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

#: Most problems that are named at once.
MOST_PROBLEMS = 5

#: Says what is wrong with a value, or None.
Check = Callable[[Mapping[str, Any]], str | None]


def checker(schema: Mapping[str, Any] | None, *, noun: str, key: str) -> Check:
    """A check of what sentences call `noun` against the schema that stands under `key` in the manifest."""
    if not schema:
        return lambda _: None

    import jsonschema_rs

    def no_remote(uri: str) -> NoReturn:
        raise ValueError(f"{key} refers to {uri}; put the definition into the schema itself")

    validator = jsonschema_rs.validator_for(dict(schema), mask="(value)", retriever=no_remote)

    def check(value: Mapping[str, Any]) -> str | None:
        if validator.is_valid(value):
            return None
        problems: list[str] = []
        for error in validator.iter_errors(value):
            path = "/".join(str(step) for step in error.instance_path)
            problems.append(f"{noun}{'/' + path if path else ''}: {error.message}")
            if len(problems) == MOST_PROBLEMS:
                break
        return f"the {noun} do{'' if noun.endswith('s') else 'es'} not fit {key}: " + "; ".join(
            problems
        )

    return check
