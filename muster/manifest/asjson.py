"""A manifest as JSON and back: what the registry and the asset of a deployment hold.

The JSON has the shape of `agent.toml` with every default filled in, so the same parser reads it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, cast

from muster.manifest.duration import format_duration
from muster.manifest.model import Manifest
from muster.manifest.parse import parse
from muster.manifest.problem import ManifestError

#: Fields whose key in the document differs.
_KEYS = {"schedules": "schedule", "webhooks": "webhook"}
_VALUES = ("queue", "permissions", "endpoint")
_LISTS = ("schedules", "s3", "webhooks")


def to_json(manifest: Manifest) -> dict[str, Any]:
    """The document; what is empty or not said is left out."""
    document: dict[str, Any] = {}
    for field in fields(manifest):
        value = getattr(manifest, field.name)
        if field.name == "folder" or value is None or value in ((), {}, ""):
            continue
        document[_KEYS.get(field.name, field.name)] = _plain(field.name, value)
    return {key: value for key, value in document.items() if value not in ({}, [])}


def from_json(document: Mapping[str, Any]) -> Manifest:
    """Read the document back.

    Raises:
        ManifestError: it is not one that `to_json` made.
    """
    manifest, problems = parse(document, file=f"manifest of {document.get('id')}")
    if problems:
        raise ManifestError(problems)
    return manifest


def canonical(document: Any) -> str:
    """JSON text that is the same for equal documents."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(manifest: Manifest) -> str:
    """SHA-256 of the document, in hex: the same for manifests that say the same."""
    return hashlib.sha256(canonical(to_json(manifest)).encode()).hexdigest()


def _plain(name: str, value: Any) -> Any:
    if name in _VALUES:
        return _table(value)
    if name in _LISTS:
        return [_table(entry) for entry in value]
    return _listed(value)


def _table(value: Any) -> dict[str, Any]:
    table = {field.name: getattr(value, field.name) for field in fields(value)}
    return {
        key: _listed(entry)
        for key, entry in table.items()
        if entry is not None and entry not in ((), {}, "")
    }


def _listed(value: Any) -> Any:
    match value:
        case tuple():
            return list(cast("tuple[str, ...]", value))
        case timedelta():
            return format_duration(value)
        case datetime():
            return value.isoformat()
        case _:
            return value
