"""What every call passes: who calls, what they may, how often, and what comes back when it cannot be."""

from __future__ import annotations

import json
import logging
import random

import pytest

from muster.api.answer import SECURITY_HEADERS
from muster.api.request import MOST_BODY_BYTES
from muster.api.route import Route
from muster.api.routes import ROUTES
from muster.keys.access import Role, Scope
from muster.store.call_rate import Rate
from tests.support.api_calls import AGENT, Api
from tests.support.clerk import database_of

GUARDED = [route for route in ROUTES if route.scope is not None]


def _path(path: str) -> str:
    return path.replace("{id}", "some-id")


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_without_a_valid_key_every_route_is_closed(api: Api, route: Route):
    forged = api.key[:-1] + ("A" if api.key[-1] != "A" else "B")
    for key in ("", "mstr_nonsense", forged, "é"):
        reply = api.call(route.method, _path(route.path), body={}, key=key)
        assert (reply.status, reply.json["code"]) == (401, "unauthorized")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_narrowed_key_may_less(api: Api):
    key = api.new_key(Role.ADMIN, scopes=[Scope.JOBS_READ])
    assert api.call("GET", "/v1/jobs", key=key).status == 200
    assert api.call("POST", "/v1/jobs", body={"agent_id": AGENT}, key=key).status == 403


def test_only_what_says_so_is_open(api: Api):
    opened = [route.path for route in ROUTES if route.scope is None]
    assert opened == [
        "/hooks/{agent}/{name}", "/health", "/health/ready", "/health/live", "/openapi.json", "/docs",
    ]  # fmt: skip
    for path in opened[1:]:
        assert api.call("GET", path, key="").status == 200


def test_the_key_may_come_in_a_header_of_its_own(api: Api):
    assert api.call("GET", "/v1/jobs", key="", headers={"X-Api-Key": api.key}).status == 200


def test_a_deactivated_key_is_refused_at_the_next_call(api: Api):
    assert api.call("GET", "/v1/jobs").status == 200
    api.query("UPDATE api_key SET active = false RETURNING 1")
    assert api.call("GET", "/v1/jobs").status == 401


def test_a_rate_holds_over_all_processes_and_says_when_to_come_back(api: Api):
    # Given two processes that let a key call four times at once, then once in a hundred seconds
    rate = Rate(per_second=0.01, burst=4)
    processes = [Api(url=api.url, database=database_of(api.url), rate=rate) for _ in range(2)]
    key, other = api.new_key(), api.new_key()
    # When it calls both, in turn
    replies = [processes[n % 2].call("GET", "/v1/jobs", key=key) for n in range(6)]
    # Then the fifth call and the sixth are refused, with the time to wait
    assert [reply.status for reply in replies] == [200] * 4 + [429] * 2
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 100
    # And another key is not affected
    assert processes[0].call("GET", "/v1/jobs", key=other).status == 200
    # And when the time has come, it may call again
    api.query("UPDATE call_rate SET ready_at = ready_at - interval '100 seconds' RETURNING 1")
    assert processes[1].call("GET", "/v1/jobs", key=key).status == 200
    for process in processes:
        process.database.close()


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("DELETE", "/v1/jobs", 405, "GET, POST"),
        ("PUT", "/v1/jobs/x", 405, "GET"),
        ("GET", "/v1/jobs/x/cancel", 405, "POST"),
        ("OPTIONS", "/jobs", 405, "GET, POST"),
        ("GET", "/", 404, None),
        ("GET", "/v1/jobs/x/y/z", 404, None),
        ("POST", "/v2/jobs", 404, None),
    ],
)
def test_another_method_is_405_and_another_path_404(
    api: Api, method: str, path: str, status: int, allow: str | None
):
    reply = api.call(method, path)
    assert (reply.status, reply.headers.get("Allow")) == (status, allow)
    assert reply.json["status"] == status


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b"x" * (MOST_BODY_BYTES + 1), {}, 413),
        (b"{}", {"content-length": str(MOST_BODY_BYTES + 1)}, 413),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-encoding": "gzip"}, 415),
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b'{"a": NaN}', {}, 400),
        (b'{"a":' * 200 + b"1" + b"}" * 200, {}, 400),
        (b"\xff\xfe", {}, 400),
    ],
    ids=["large", "announced", "text", "gzip", "empty", "array", "nan", "deep", "bytes"],
)
def test_a_body_that_is_none_is_refused(api: Api, raw: bytes, headers: dict[str, str], status: int):
    """FAULT 56: the size is looked at before the database is asked anything."""
    reply = api.call("POST", "/v1/jobs", raw=raw, headers=headers)
    assert reply.status == status


def test_a_body_that_is_too_large_is_refused_before_the_database_is_asked(api: Api):
    gone = Api(url=api.url, database=database_of("postgresql://nobody@127.0.0.1:1/none"))
    reply = gone.call("POST", "/v1/jobs", raw=b"x" * (MOST_BODY_BYTES + 1), key=api.key)
    assert reply.status == 413


def test_a_database_that_is_away_is_503_with_the_time_to_come_back(api: Api):
    """FAULTS 33, 57: never 2xx without a record."""
    options = {"call_seconds": 0.5, "retry_seconds": 0.2}
    gone = Api(url=api.url, database=database_of("postgresql://nobody@127.0.0.1:1/none", **options))
    for method, path, body in (
        ("POST", "/v1/jobs", {"agent_id": AGENT}),
        ("GET", "/v1/jobs", None),
        ("GET", "/health", None),
    ):
        reply = gone.call(method, path, body=body, key=api.key)
        assert (reply.status, reply.json["code"]) == (503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0


def test_every_answer_has_the_security_headers_and_every_problem_its_media_type(api: Api):
    for reply in (
        api.call("GET", "/v1/jobs"),
        api.call("GET", "/v1/jobs", key=""),
        api.call("GET", "/nowhere"),
        api.call("POST", "/v1/jobs", raw=b"x" * (MOST_BODY_BYTES + 1)),
    ):
        assert SECURITY_HEADERS.items() <= reply.headers.items()
        kind = "application/json" if reply.status < 400 else "application/problem+json"
        assert reply.headers["Content-Type"] == kind


def test_no_key_is_in_logs_answers_or_rows(api: Api, caplog: pytest.LogCaptureFixture):
    """Canaries: a valid key's secret and a refused one's."""
    caplog.set_level(logging.DEBUG)
    secret = api.key[-43:]
    refused = "mstr_" + "0" * 16 + "_" + "canary" * 7 + "x"
    replies = [
        api.call("POST", "/v1/jobs", body={"agent_id": AGENT}),
        api.call("GET", "/v1/jobs", key=refused),
        api.call("GET", "/v1/jobs/nothing"),
    ]
    rows = [
        api.query(f"SELECT t::text FROM {table} t")
        for table in ("api_key", "call_rate", "agent_job_execution", "execution_event")
    ]
    told = caplog.text + json.dumps([reply.text for reply in replies]) + json.dumps(rows)
    assert secret not in told
    assert "canarycanary" not in told


def test_chance_finds_no_call_that_is_our_fault(api: Api):
    """Random bodies and queries: every answer is documented, none is a 5xx."""
    chance = random.Random(20)
    words = [
        "agent_id",
        "params",
        "job_id",
        "priority",
        "url",
        "x",
        AGENT,
        "counter\x00",
        "ü" * 300,
    ]
    values = [None, True, -1, 1e300, "", "\ud800", [], {}, [[]], {"n": 1}, *words]
    for _ in range(150):
        body = {chance.choice(words): chance.choice(values) for _ in range(chance.randrange(5))}
        raw = json.dumps(body).encode()
        cut = raw[: chance.randrange(len(raw) + 1)] if chance.random() < 0.2 else raw
        posted = api.call("POST", "/v1/jobs", raw=cut)
        assert posted.status in {200, 202, 400, 404, 409, 422}, body
        name = chance.choice(["status", "cursor", "limit", "job_id", "agent_id"])
        value = "".join(chance.choice("%0aG\u0000é=&;_-") for _ in range(12))
        got = api.call("GET", "/v1/jobs", query=f"{name}={value}")
        assert got.status in {200, 422}, value
