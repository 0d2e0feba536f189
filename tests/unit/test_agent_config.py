"""Which config a job gets, and how operators' changes become versions: properties over any JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.agent_config import effective
from muster.config_change import MOST_BYTES, change_problem, changed, difference, misfit

any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
#: Few keys, so that the sources meet.
keys = st.sampled_from(["a", "b", "c", "d", "e"])
parts = st.dictionaries(keys, any_json)


@given(parts, parts, st.none() | parts)
def test_each_key_is_what_its_strongest_source_says(
    defaults: dict[str, Any], changes: dict[str, Any], request: dict[str, Any] | None
):
    config = effective(defaults, changes, request)
    assert set(config) == set(defaults) | set(changes) | set(request or {})
    for key, value in config.items():
        strongest = next(part for part in (request or {}, changes, defaults) if key in part)
        assert value is strongest[key]


@given(parts, parts, parts)
def test_no_source_is_changed_by_being_asked(
    defaults: dict[str, Any], changes: dict[str, Any], request: dict[str, Any]
):
    before = json.dumps([defaults, changes, request])
    config = dict(effective(defaults, changes, request))
    config["new"] = 1
    assert json.dumps([defaults, changes, request]) == before


def test_a_table_replaces_the_weaker_one_s_and_null_is_a_value():
    assert effective({"t": {"a": 1, "b": 2}, "n": 1}, {"t": {"a": 3}}, {"n": None}) == {
        "t": {"a": 3},
        "n": None,
    }


@given(parts, parts, st.lists(keys))
def test_the_next_version_holds_what_was_set_and_not_what_was_unset(
    held: dict[str, Any], to_set: dict[str, Any], to_unset: list[str]
):
    new = changed(held, to_set=to_set, to_unset=to_unset)
    assert all(new[key] is value for key, value in to_set.items())
    assert all(key in to_set or key not in new for key in to_unset)
    others = held.keys() - to_set.keys() - set(to_unset)
    assert all(new[key] is held[key] for key in others)
    assert new.keys() == to_set.keys() | others


@given(parts, parts)
def test_a_difference_leads_from_one_version_to_the_next(
    before: dict[str, Any], after: dict[str, Any]
):
    step = difference(before, after)
    made = changed(before, to_set=step.set, to_unset=step.unset)
    assert json.dumps(made, sort_keys=True) == json.dumps(dict(after), sort_keys=True)
    assert not difference(after, json.loads(json.dumps(after)))


@pytest.mark.parametrize(
    ("before", "after"),
    [(1, True), (0, False), ([1], [True]), ({"a": 1}, {"a": True}), (None, 0), ("1", 1), ([], {})],
)
def test_values_that_json_tells_apart_differ(before: Any, after: Any):
    assert difference({"k": before}, {"k": after})
    assert difference({"k": after}, {"k": before})


def test_a_difference_is_told_in_one_line():
    step = difference({"a": 1, "b": 2}, {"a": "ü", "c": [1]})
    assert str(step) == 'a = "ü"; c = [1]; unset b'
    assert str(difference({}, {})) == ""


SCHEMA = {"properties": {"n": {"type": "integer"}}, "required": ["n"]}


def test_changes_fit_together_with_the_defaults():
    assert misfit({"n": 1}, {"m": "x"}, SCHEMA) is None
    assert misfit({}, {}, None) is None
    assert "config_schema" in str(misfit({"n": 1}, {"n": "x"}, SCHEMA))
    assert "n" in str(misfit({}, {}, SCHEMA))


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        ("x" * MOST_BYTES, "put what is large into a bucket"),
        (float("nan"), "cannot be stored"),
        (json.loads("[" * 200 + "]" * 200), "levels deep"),
    ],
    ids=["large", "nan", "deep"],
)
def test_what_cannot_be_kept_may_not_become_a_version(value: Any, cure: str):
    assert cure in str(change_problem({}, {"k": value}, None))


def test_what_is_just_small_enough_may_become_a_version():
    assert change_problem({}, {"k": "x" * (MOST_BYTES - len('{"k":""}'))}, None) is None
