"""The schedules of an agent as rows, from its manifest's document.

They are made from the document and not from a checked `Manifest`, as the registry's row is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.manifest.duration import parse_duration
from muster.registration.failure import RegistrationFailed

_KINDS = ("cron", "every", "at")


def schedule_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Columns of `agent_schedule` that a registration sets.

    Args:
        document: what `muster.manifest.to_json` made.

    Raises:
        RegistrationFailed: a schedule lacks what every release of it holds.
    """
    return [_row(document, schedule) for schedule in document.get("schedule", [])]


def _row(document: Mapping[str, Any], schedule: Mapping[str, Any]) -> dict[str, Any]:
    kind = next((kind for kind in _KINDS if kind in schedule), None)
    if kind is None or "name" not in schedule:
        raise RegistrationFailed(
            f"manifest of {document.get('id')}: a schedule has no name, or none of {', '.join(_KINDS)}; "
            "it is not a document that synth writes"
        )
    return {
        "agent_id": document["id"],
        "name": schedule["name"],
        "kind": kind,
        "expression": schedule[kind],
        "timezone": schedule.get("timezone", "UTC"),
        "params": schedule.get("params", {}),
        "priority": schedule.get("priority", "normal"),
        "overlap": schedule.get("overlap", "allow"),
        "missed": schedule.get("missed", "latest"),
        "start_at": schedule.get("start"),
        "end_at": schedule.get("end"),
        "jitter_seconds": int(parse_duration(schedule.get("jitter", "0s")).total_seconds()),
        "enabled": schedule.get("enabled", True),
    }
