"""Tokens over HTTP: an API key is exchanged for one that allows less and ends soon."""

from __future__ import annotations

import json
import logging

import pytest

from muster.keys.access import Role, Scope
from tests.support.api_calls import AGENT, SIGNING, Api
from tests.support.clerk import database_of


def _token(api: Api, key: str | None = None, **body: object) -> str:
    reply = api.call("POST", "/v1/tokens", body=body, key=key)
    assert reply.status == 200
    return reply.json["token"]


def test_a_token_does_what_its_key_may_do(api: Api):
    token = _token(api)
    assert api.call("POST", "/v1/jobs", body={"agent_id": AGENT}, key=token).status == 202
    assert len(api.call("GET", "/v1/jobs", key=token).json["jobs"]) == 1


def test_a_token_may_be_narrower_and_never_wider_than_its_key(api: Api):
    # Given a token of an operator for reading alone
    token = _token(api, scopes=["jobs:read"])
    # Then it reads, and does nothing else
    assert api.call("GET", "/v1/jobs", key=token).status == 200
    assert api.call("POST", "/v1/jobs", body={"agent_id": AGENT}, key=token).status == 403
    # And what the key itself may not do is not to be had
    wider = api.call("POST", "/v1/tokens", body={"scopes": ["jobs:work"]})
    assert (wider.status, wider.json["code"]) == (403, "forbidden")


def test_a_narrowed_key_gives_narrowed_tokens(api: Api):
    key = api.new_key(Role.ADMIN, scopes=[Scope.JOBS_READ, Scope.TOKENS_ISSUE])
    token = _token(api, key)
    assert api.call("GET", "/v1/jobs", key=token).status == 200
    assert api.call("POST", "/v1/jobs", body={"agent_id": AGENT}, key=token).status == 403


def test_a_token_cannot_prolong_itself(api: Api):
    assert api.call("POST", "/v1/tokens", body={}, key=_token(api)).status == 403


@pytest.mark.parametrize(
    "body",
    [
        {"lifetime_seconds": 59},
        {"lifetime_seconds": 3601},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"scopes": ["execution:report"]},
        {"scopes": ["tokens:issue"]},
    ],
)
def test_what_no_token_can_be_is_refused(api: Api, body: dict[str, object]):
    assert api.call("POST", "/v1/tokens", body=body).status == 422


def test_what_ends_a_key_ends_its_tokens_at_once(api: Api):
    token = _token(api)
    api.query("UPDATE api_key SET active = false RETURNING 1")
    assert api.call("GET", "/v1/jobs", key=token).status == 401
    api.query("UPDATE api_key SET active = true, expires_at = now() RETURNING 1")
    assert api.call("GET", "/v1/jobs", key=token).status == 401


def test_a_token_is_for_every_process_of_the_stage_and_its_tenant_alone(api: Api):
    token = _token(api, api.new_key(Role.OPERATOR, tenant="other"))
    api.call("POST", "/v1/jobs", body={"agent_id": AGENT})
    another = Api(url=api.url, database=database_of(api.url))
    reply = another.call("GET", "/v1/jobs", key=token)
    another.database.close()
    assert (reply.status, reply.json["jobs"]) == (200, [])


def test_a_token_of_another_stage_is_none(api: Api):
    another = Api(url=api.url, database=database_of(api.url))
    another.secrets.stored[SIGNING] = json.dumps({"key": "another-" + "k" * 56})
    reply = another.call("GET", "/v1/jobs", key=_token(api))
    another.database.close()
    assert reply.status == 401


def test_no_token_and_no_signing_key_is_in_logs_or_rows(api: Api, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    token = _token(api)
    api.call("GET", "/v1/jobs", key=token)
    api.call("GET", "/v1/jobs", key=token + "x")
    rows = api.query("SELECT t::text FROM api_key t")
    told = caplog.text + json.dumps(rows)
    assert token.rsplit(".", 1)[1] not in told
    assert "k" * 64 not in told
