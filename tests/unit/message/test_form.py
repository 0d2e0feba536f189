"""Bodies that share most of what they say are written as the envelope writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.message.envelope import Form, envelope

SHARED: dict[str, Any] = {
    "agent_id": "tester",
    "tenant": "default",
    "priority": "high",
    "source": "schedule",
    "scheduled_for": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PARAMS = st.dictionaries(TEXT, st.none() | st.integers() | TEXT | st.lists(TEXT))


@given(job_id=TEXT, tenant=TEXT, params=PARAMS)
def test_a_body_says_what_the_envelope_says(job_id: str, tenant: str, params: dict[str, Any]):
    shared = SHARED | {"tenant": tenant}

    body = Form(**shared).body(job_id, json.dumps(params, ensure_ascii=False))

    assert json.loads(body) == json.loads(envelope(job_id=job_id, params=params, **shared))
    assert body.isascii()


def test_params_that_stay_in_the_row_are_not_mentioned():
    assert Form(**SHARED).body("a", None) == envelope(job_id="a", **SHARED)


@pytest.mark.parametrize("tenant", ['""', ',"params":{}', '\\",\\"params\\":{}'])
def test_a_tenant_that_looks_like_a_part_of_the_body_is_none(tenant: str):
    shared = SHARED | {"tenant": tenant}

    assert Form(**shared).body("a", "{}") == envelope(job_id="a", params={}, **shared)
