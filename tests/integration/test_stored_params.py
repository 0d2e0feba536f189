"""Params that normalise lets through are what Postgres stores, and what it gives back."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2

from muster.model import Delivery, Message
from muster.normalise import normalise

SUITE = Path(__file__).parents[1] / "events" / "json_suite.json"

BODIES = [
    *json.loads(SUITE.read_text()).values(),
    '"' + "\\u0000\\ud800" * 10 + '"',
    "9" * 4300,
    "-1.7976931348623157e308",
    "5e-324",
    '{"a":' * 126 + "[]" + "}" * 126,
]


def _exact(text: str) -> Any:
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


def test_every_accepted_body_is_the_same_in_postgres(each_empty_database_url: str):
    # Given every body of the suite, as the value of a key, that is taken for a job
    results = [
        normalise(
            Message(message_id="m", receipt_handle="r", body='{"value":' + body + "}"),
            agent_id="a",
        )
        for body in BODIES
    ]
    taken = [result.params for (result,) in results if isinstance(result, Delivery)]
    assert len(taken) > 100
    # When Postgres stores it
    with (
        closing(psycopg2.connect(each_empty_database_url)) as connection,
        connection.cursor() as cursor,
    ):
        for params in taken:
            sent = json.dumps(params)
            cursor.execute("SELECT %s::jsonb::text", (sent,))
            [(stored,)] = cursor.fetchall()
            # Then it comes back as it went in, digit by digit: jsonb writes 1e23 as an integer
            assert _exact(stored) == _exact(sent)
