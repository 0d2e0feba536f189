"""Every kind of body that JSONTestSuite names (github.com/nst/JSONTestSuite), as a message.

`tests/events/json_suite.json` holds them by the suite's names: `y_` is JSON, `n_` is not, `i_` is up to
us. The three whose size is their point (depth bombs) are made here.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from muster.model import Delivery, Message, Rejection
from muster.normalise import normalise

_FILE = Path(__file__).parents[2] / "events" / "json_suite.json"
SUITE: dict[str, str] = json.loads(_FILE.read_text()) | {
    "n_structure_100000_opening_arrays": "[" * 100_000,
    "n_structure_open_array_object": '[{"":' * 50_000,
    "i_structure_100000_nested_objects": '{"":' * 100_000 + "0" + "}" * 100_000,
}

#: What is up to us, and that we take when it is the value of a key.
TOLERATED = {
    "i_number_double_huge_neg_exp",
    "i_number_real_underflow",
    "i_number_too_big_neg_int",
    "i_number_too_big_pos_int",
    "i_number_very_big_negative_int",
    "i_structure_UTF-8_BOM_empty_object",
}


def _normalise(body: str) -> Delivery | Rejection:
    (result,) = normalise(Message(message_id="m-1", receipt_handle="r", body=body), agent_id="a")
    return result


def _is_taken(name: str, body: str) -> bool:
    replaced = name.startswith(("i_string", "i_object")) and "utf16" not in name.lower()
    return name.startswith("y_") or name in TOLERATED or (replaced and "UTF-16" not in name)


@pytest.mark.parametrize(("name", "body"), SUITE.items(), ids=SUITE)
def test_a_body_of_the_suite(name: str, body: str):
    """Only objects are jobs; everything else is refused at once, and nothing raises."""
    # When the body is a message
    result = _normalise(body)
    # Then it is a job exactly if it is an object
    taken = _is_taken(name, body) and body.lstrip(" \ufeff").startswith("{")
    assert isinstance(result, Delivery) is taken
    if isinstance(result, Rejection):
        assert result.error.code == "malformed_body"
        assert result.job_id == result.message_id == "m-1"
        assert not result.error.retryable


@pytest.mark.parametrize(("name", "body"), SUITE.items(), ids=SUITE)
def test_a_body_of_the_suite_inside_of_an_object(name: str, body: str):
    """As params' value, what is JSON is taken, and in the end Postgres can store it."""
    # When the body is the value of a key
    result = _normalise('{"value":' + body.removeprefix("\ufeff") + "}")
    # Then it is a job exactly if the body is JSON
    assert isinstance(result, Delivery) is _is_taken(name, body)
    if isinstance(result, Delivery):
        stored = json.dumps(result.params, ensure_ascii=False, allow_nan=False)
        assert json.loads(stored) == result.params
        assert "\\u0000" not in stored.replace("\\\\", "")
        stored.encode("utf-8")  # a lone surrogate raises
