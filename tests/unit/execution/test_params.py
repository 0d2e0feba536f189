"""Params against an agent's input schema."""

from __future__ import annotations

from typing import Any

import pytest

from muster.execution.fit import MOST_PROBLEMS
from muster.execution.params import params_checker

SCHEMA = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {"type": "string", "maxLength": 20},
        "options": {"type": "object", "properties": {"depth": {"type": "integer", "minimum": 1}}},
    },
    "additionalProperties": False,
}


@pytest.mark.parametrize("schema", [None, {}])
def test_without_a_schema_everything_fits(schema: dict[str, Any] | None):
    assert params_checker(schema)({"any": ["thing"]}) is None


def test_what_fits_is_not_talked_about():
    assert params_checker(SCHEMA)({"url": "https://a.example", "options": {"depth": 2}}) is None


def test_every_problem_is_named_by_its_path_and_none_by_its_value():
    problem = params_checker(SCHEMA)({"options": {"depth": 0}, "url": "canary" * 9})
    assert problem is not None
    assert problem.startswith("the params do not fit input_schema: ")
    assert "params/url: " in problem
    assert "params/options/depth: " in problem
    assert "canary" not in problem


def test_a_missing_key_is_named():
    assert "url" in str(params_checker(SCHEMA)({}))


def test_a_flood_of_problems_is_cut():
    check = params_checker({"type": "object", "additionalProperties": {"type": "integer"}})
    problem = check({f"key-{n}": "x" for n in range(100)})
    assert str(problem).count("params/key-") == MOST_PROBLEMS


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("https://example.com/schema.json", "put the definition into the schema itself"),
        ("file:///etc/passwd", "put the definition into the schema itself"),
        ("other.json", "No base URI is available"),
    ],
)
def test_a_schema_that_refers_elsewhere_is_refused(reference: str, reason: str):
    with pytest.raises(Exception, match=reason):
        params_checker({"$ref": reference})
