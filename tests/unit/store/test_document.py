"""Values as JSON that jsonb can hold."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.message.body import MAX_DEPTH
from muster.store.document import bounded_document, document
from muster.store.identifier import new_execution_id, new_execution_ids

_TEXT = st.text(st.characters(codec=None, exclude_categories=[]))
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
    max_leaves=20,
)


@given(value=_JSON)
def test_whatever_is_json_becomes_storable_text(value: Any):
    text = document(value)
    text.encode()  # no lone surrogates
    assert not any("\x00" in found for found in _strings(json.loads(text)))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [found for pair in value.items() for part in pair for found in _strings(part)]
    return [found for part in value for found in _strings(part)] if isinstance(value, list) else []


def test_what_can_be_stored_as_it_is_is_not_changed():
    value = {"a": ["ü🌍", 1, 2.5, None, True], "backslash": "\\u0000"}
    assert json.loads(document(value)) == value


def test_what_cannot_is_replaced_in_keys_and_values():
    value = {"k\x00": ("\ud800", ["\x00"])}
    assert json.loads(document(value)) == {"k\ufffd": ["\ufffd", ["\ufffd"]]}


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf], {"x": math.nan}])
def test_numbers_that_json_does_not_know_are_refused(value: Any):
    with pytest.raises(ValueError, match="not JSON compliant"):
        document(value)


@pytest.mark.parametrize("value", [{1}, b"x", object(), {(1, 2): 3}])
def test_what_json_does_not_know_is_refused(value: Any):
    with pytest.raises(TypeError):
        document(value)


def _nested(levels: int, inner: Any = None) -> Any:
    for _ in range(levels):
        inner = [inner]
    return inner


def test_what_agents_make_may_be_as_deep_as_params():
    assert bounded_document(_nested(MAX_DEPTH)) == "[" * MAX_DEPTH + "null" + "]" * MAX_DEPTH
    assert bounded_document("[" * 1000)
    assert bounded_document([[]] * 1000)
    with pytest.raises(ValueError, match="nested more than"):
        bounded_document(_nested(MAX_DEPTH + 1))
    with pytest.raises(ValueError, match="nested more than"):
        bounded_document((_nested(MAX_DEPTH),))


def test_execution_ids_are_ordered_unique_uuids():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    ids = [new_execution_id(now=now + timedelta(milliseconds=n)) for n in range(2000)]
    assert ids == sorted(ids)
    assert len({new_execution_id(now=now) for _ in range(2000)}) == 2000
    # And so are those that are made together
    together = new_execution_ids(2000, now=now)
    assert len(set(together)) == 2000
    ids += together
    parsed = [UUID(text) for text in ids]
    assert {uuid.version for uuid in parsed} == {7}
    assert {uuid.variant for uuid in parsed} == {RFC_4122}
    assert {str(uuid) for uuid in parsed} == set(ids)
