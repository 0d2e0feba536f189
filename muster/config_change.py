"""How operators change an agent's config: what the next version is, and whether it may be. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from muster.agent_config import effective
from muster.manifest.schema import check_value
from muster.model import JsonObject
from muster.store.document import bounded_document

#: Most bytes of JSON in the changes of one agent: every one of its workers reads them.
MOST_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """From one version to the next."""

    #: Keys that are new or have another value.
    set: JsonObject
    #: Keys that are gone: the manifest's defaults hold again.
    unset: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.set or self.unset)

    def __str__(self) -> str:
        told = [
            f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in self.set.items()
        ]
        return "; ".join([*told, *(f"unset {key}" for key in self.unset)])


def changed(changes: JsonObject, *, to_set: JsonObject, to_unset: Collection[str]) -> JsonObject:
    """The changes of the next version."""
    kept = {key: value for key, value in changes.items() if key not in to_unset}
    return {**kept, **to_set}


def difference(before: JsonObject, after: JsonObject) -> Difference:
    """What makes `after` out of `before`."""
    return Difference(
        set={
            key: value
            for key, value in after.items()
            if key not in before or not _same(before[key], value)
        },
        unset=tuple(key for key in before if key not in after),
    )


def misfit(defaults: JsonObject, changes: JsonObject, schema: JsonObject | None) -> str | None:
    """Why jobs without a config of their own cannot run with these changes; None when they can."""
    reasons = check_value(dict(effective(defaults, changes, None)), schema) if schema else []
    return f"The config does not fit config_schema: {'; '.join(reasons)}." if reasons else None


def change_problem(
    defaults: JsonObject, changes: JsonObject, schema: JsonObject | None
) -> str | None:
    """Why these changes may not become a version; None when they may."""
    try:
        size = len(bounded_document(dict(changes)).encode())
    except ValueError as problem:
        return f"The config cannot be stored: {problem}."
    if size > MOST_BYTES:
        return (
            f"The changes are {size} bytes of JSON, over the {MOST_BYTES} that workers read: put "
            "what is large into a bucket, and its name here."
        )
    return misfit(defaults, changes, schema)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: there, true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
