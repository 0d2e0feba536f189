"""Tables of cases in tests/events/."""

from __future__ import annotations

import csv
from pathlib import Path

EVENTS = Path(__file__).parents[1] / "events"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a CSV file, by the names in its first line."""
    with (EVENTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
