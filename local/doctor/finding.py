"""What the doctor says of one thing it looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it works, and will surprise somebody
    PROBLEM = "problem"  # it does not work


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of the doctor's report. It holds no secret."""

    check: str
    level: Level
    told: str
    #: What to do; empty when all is well.
    cure: str = ""


def ok(check: str, told: str) -> Finding:
    """All is well."""
    return Finding(check=check, level=Level.OK, told=told)


def warning(check: str, told: str, cure: str) -> Finding:
    """It works, and will surprise somebody."""
    return Finding(check=check, level=Level.WARNING, told=told, cure=cure)


def problem(check: str, told: str, cure: str) -> Finding:
    """It does not work."""
    return Finding(check=check, level=Level.PROBLEM, told=told, cure=cure)


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether none is a problem."""
    return all(finding.level is not Level.PROBLEM for finding in findings)
