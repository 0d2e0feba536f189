"""Checks params against an agent's `input_schema`, compiled once a process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

#: Most problems that are named at once.
MOST_PROBLEMS = 5


def params_checker(
    schema: Mapping[str, Any] | None,
) -> Callable[[Mapping[str, Any]], str | None]:
    """A function that says what is wrong with params, or None. Values are never quoted."""
    if not schema:
        return lambda _: None

    import jsonschema_rs

    validator = jsonschema_rs.validator_for(dict(schema), mask="(value)", retriever=_no_remote)

    def check(params: Mapping[str, Any]) -> str | None:
        if validator.is_valid(params):
            return None
        problems: list[str] = []
        for error in validator.iter_errors(params):
            path = "/".join(str(step) for step in error.instance_path)
            problems.append(f"params{'/' + path if path else ''}: {error.message}")
            if len(problems) == MOST_PROBLEMS:
                break
        return "the params do not fit input_schema: " + "; ".join(problems)

    return check


def _no_remote(uri: str) -> NoReturn:
    raise ValueError(f"input_schema refers to {uri}; put the definition into the schema itself")
