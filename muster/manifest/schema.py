"""JSON Schema of a manifest: is it one, and does a value fit it.

`jsonschema_rs` is imported where a schema stands; a manifest without schemas does not pay for it.
References to other documents are refused, since a check must not depend on the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

#: One sentence each is enough to mend a value.
_MOST_REASONS = 5


def check_schema(schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with a JSON Schema (2020-12 unless `$schema` says otherwise)."""
    import jsonschema_rs

    remote = sorted(set(_remote_references(schema)))
    if remote:
        return [f"refer only to parts of this schema, by #/...; not to {', '.join(remote)}"]
    try:
        jsonschema_rs.meta.validate(dict(schema))
        jsonschema_rs.validator_for(dict(schema))
    except jsonschema_rs.ValidationError as error:
        return [f"write a valid JSON Schema: {_reason(error)}"]
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        return [f"write a valid JSON Schema: {_first_line(error)}"]
    return []


def check_value(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """Why a value does not fit a schema that `check_schema` found good; empty when it does."""
    import jsonschema_rs

    validator = jsonschema_rs.validator_for(dict(schema))
    errors = list(validator.iter_errors(value))
    return [_reason(error) for error in errors[:_MOST_REASONS]]


def _remote_references(part: Any) -> list[str]:
    if isinstance(part, Mapping):
        table = cast("Mapping[str, Any]", part)
        here = [
            value
            for key, value in table.items()
            if key in ("$ref", "$dynamicRef") and isinstance(value, str) and value[:1] != "#"
        ]
        return here + [found for value in table.values() for found in _remote_references(value)]
    if isinstance(part, (list, tuple)):
        entries = cast("Sequence[Any]", part)
        return [found for entry in entries for found in _remote_references(entry)]
    return []


def _reason(error: Any) -> str:
    path = "/".join(str(step) for step in error.instance_path)
    message = str(error.message)
    return f"{path}: {message}" if path else message


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
