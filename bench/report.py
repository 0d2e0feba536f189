"""What every benchmark reports: raw figures, versions, the machine, and bars that hold or do not."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A figure and what it must reach."""

    name: str
    #: None when it could not be measured; such a bar does not hold.
    value: float | None
    unit: str
    bar: float
    better: Literal["lower", "higher"]

    @property
    def holds(self) -> bool:
        """Whether the figure is on the better side of the bar, or on it."""
        if self.value is None:
            return False
        return self.value <= self.bar if self.better == "lower" else self.value >= self.bar

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"holds": self.holds}


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The outcome of one benchmark run."""

    benchmark: str
    #: Every single measurement, by what was measured.
    raw: Mapping[str, Any]
    #: Figures derived from them that have no bar.
    figures: Mapping[str, Any]
    bars: Sequence[Bar]
    #: Distributions whose versions matter to the figures.
    packages: Sequence[str] = ()
    #: Peers that ran, and those that could not, with the reason.
    peers: Sequence[str] = ()
    not_run: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Versions of what is no Python distribution, such as a server.
    other_versions: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> dict[str, Any]:
        return {
            "benchmark": self.benchmark,
            "bars": [bar.to_json() for bar in self.bars],
            "figures": self.figures,
            "raw": self.raw,
            "peers": list(self.peers),
            "not_run": dict(self.not_run),
            "versions": versions(self.packages) | dict(self.other_versions),
            "machine": machine(),
        }

    def print(self, *, as_json: bool) -> None:
        """One JSON object, or the same for people."""
        if as_json:
            print(json.dumps(self.to_json(), allow_nan=False))
            return
        for name, figure in self.figures.items():
            print(f"{name:<58} {figure}")
        for name, reason in self.not_run.items():
            print(f"not run: {name}: {reason}")
        for bar in self.bars:
            sign = "≤" if bar.better == "lower" else "≥"
            shown = "not measured" if bar.value is None else f"{bar.value:.3g}"
            print(
                f"{'holds' if bar.holds else 'FAILS'}  {bar.name}: {shown} {bar.unit} "
                f"(bar {sign} {bar.bar:g})"
            )


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of Python and of the distributions; `missing` for what is not installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def machine() -> dict[str, Any]:
    """What the figures were taken on, and how busy it was with other things."""
    return {
        "system": platform.platform(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if not described.exists():
        return platform.processor()
    names = [line for line in described.read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()
