"""Checks params against an agent's `input_schema`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.execution.fit import Check, checker


def params_checker(schema: Mapping[str, Any] | None) -> Check:
    """A function that says what is wrong with params, or None; the schema is compiled here."""
    return checker(schema, noun="params", key="input_schema")
