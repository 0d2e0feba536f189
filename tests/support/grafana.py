"""The dashboards of `grafana/`, and as much of PromQL as they speak."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from tests.support.source import ROOT

GRAFANA = ROOT / "grafana"
DASHBOARDS = tuple(sorted(path.name for path in GRAFANA.glob("*.json")))

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_CHOICE = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
#: `by (a, b)` and its like name labels, `[5m]` a while.
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_WHILE = re.compile(r"\[[^\]]*\]")
#: A name that is no function, with what is chosen of it.
_SELECTOR = re.compile(r"(?<![\w.])([a-zA-Z_:][\w:]*)\b(?!\s*\()\s*(?:\{([^}]*)\})?")
_LIST = re.compile(r"label_values\((.+),\s*(\w+)\)")


def expressions(dashboard: str) -> list[str]:
    """All that a dashboard asks Prometheus: each panel's, and of lists to choose from by the label."""
    return list(_expressions(json.loads((GRAFANA / dashboard).read_text("utf-8"))))


def _expressions(described: dict[str, Any]) -> Iterator[str]:
    for panel in described["panels"]:
        for target in panel["targets"]:
            yield cast("str", target["expr"])
    for variable in described["templating"]["list"]:
        if variable["type"] == "query":
            [(expression, label)] = _LIST.findall(variable["query"])
            yield f"count by ({label}) ({expression})"


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """The metrics of an expression, each with the labels that it is chosen by."""
    bare = _GROUPING.sub(" ", _WHILE.sub("", _STRING.sub('""', expression)))
    return [(name, set(_CHOICE.findall(choice))) for name, choice in _SELECTOR.findall(bare)]


def grouped(expression: str) -> set[str]:
    """The labels that it groups or joins by."""
    return {
        label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",")
    }
