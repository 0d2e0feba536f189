"""Dead letters over HTTP: a tenant sees, redrives and purges its own, and nobody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muster.dead_letter import dead_letter, failure_of
from muster.keys.access import Role
from muster.model import Delivery
from muster.store.ledger import Ledger
from tests.support.api_calls import AGENT, DEAD, QUEUE, Api
from tests.support.clerk import FAILURE, MINUTE, claimant
from tests.support.clerk import outcome as outcome_of
from tests.support.queues import MemoryQueues


@pytest.fixture
def failed(api: Api) -> Api:
    """The API with three failed jobs, one of them another tenant's, and their letters."""
    for job, tenant in (("a", "default"), ("b", "default"), ("x", "other")):
        delivery = Delivery(message_id=job, job_id=job, params={"n": 1}, tenant=tenant)
        ledger = Ledger(api.database)
        [judged] = ledger.claim([delivery], claimant=claimant(agent_id=AGENT), lease=MINUTE)
        assert judged.claim is not None
        ledger.settle([outcome_of(judged.claim, "failed", error=FAILURE)])
        failure = failure_of(
            judged.claim, error=FAILURE.to_json(at=judged.claim.queued_at), body=None
        )
        api.queues.send_batch(DEAD, [dead_letter(failure)])
        ledger.dead_letters_sent([failure])
    return api


def _jobs_in(api: Api, url: str) -> list[str]:
    assert isinstance(api.queues, MemoryQueues)
    return sorted(json.loads(message.body)["job_id"] for message in api.queues.stored[url])


def test_letters_are_listed_and_shown_with_their_reasons(failed: Api):
    # Given three letters in a queue that tenants share / When the tenant `default` looks
    queues = failed.call("GET", "/v1/dead-letters").json["queues"]
    shown = failed.call("GET", f"/v1/dead-letters/{AGENT}").json["letters"]
    # Then the count is that of the queue, and the letters are its own
    assert {q["agent_id"]: q["messages"] for q in queues}[AGENT] == 3
    assert [letter["job_id"] for letter in shown] == ["a", "b"]
    assert shown[0]["reason"].startswith("agent_error: ")
    # And another tenant sees its own, and no count
    key = failed.new_key(Role.VIEWER, tenant="other")
    assert failed.call("GET", "/v1/dead-letters", key=key).json == {"queues": []}
    [theirs] = failed.call("GET", f"/v1/dead-letters/{AGENT}", key=key).json["letters"]
    assert theirs["job_id"] == "x"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"error": "Broken"}, ["a", "b"]),
        ({"error": "Other"}, []),
        ({"text": '"job_id":"b"'}, ["b"]),
        ({"job_id": "a"}, ["a"]),
        ({"limit": 1}, ["a"]),
    ],
)
def test_letters_are_shown_by_what_is_asked(failed: Api, query: dict[str, Any], shown: list[str]):
    found = failed.call("GET", f"/v1/dead-letters/{AGENT}", query=query).json["letters"]
    assert [letter["job_id"] for letter in found] == shown


def test_a_redrive_is_a_dry_run_until_it_is_told_otherwise(failed: Api):
    # Given the letters / When a redrive is asked for, and then asked for in earnest
    path = f"/v1/dead-letters/{AGENT}/redrive"
    counted = failed.call("POST", path, body={}).json
    assert _jobs_in(failed, QUEUE) == []
    done = failed.call("POST", path, body={"dry_run": False}).json
    # Then both count the same, and the tenant's own jobs are on their lane
    assert (counted["done"], counted["dry_run"]) == (2, True)
    assert done == {**counted, "dry_run": False}
    assert "others" not in done
    assert _jobs_in(failed, QUEUE) == ["a", "b"]
    assert _jobs_in(failed, DEAD) == ["x"]


def test_a_limit_says_that_there_is_more(failed: Api):
    path = f"/v1/dead-letters/{AGENT}/redrive"
    done = failed.call("POST", path, body={"dry_run": False, "limit": 1}).json
    assert (done["done"], done["complete"]) == (1, False)


def test_a_disabled_agent_gets_nothing_back(failed: Api):
    failed.query("UPDATE agent_registry SET enabled = false RETURNING 1")
    reply = failed.call("POST", f"/v1/dead-letters/{AGENT}/redrive", body={"dry_run": False})
    assert (reply.status, reply.json["code"]) == (409, "agent_disabled")
    assert _jobs_in(failed, DEAD) == ["a", "b", "x"]


def test_what_is_purged_is_archived_first(failed: Api):
    # Given the letters / When one is purged
    body = {"dry_run": False, "job_id": "a"}
    done = failed.call("POST", f"/v1/dead-letters/{AGENT}/purge", body=body).json
    # Then it is in the archive, and the others are where they were
    assert done["done"] == 1
    [(key, content)] = failed.objects.stored["results"].items()
    assert key.startswith(f"dead-letters/{AGENT}/")
    assert json.loads(content)[0]["attributes"]["muster-job"] == "a"
    assert _jobs_in(failed, DEAD) == ["b", "x"]


@pytest.mark.parametrize("path", ["", "/redrive", "/purge"])
def test_an_agent_that_is_not_there_is_told_as_such(failed: Api, path: str):
    method, body = ("GET", None) if not path else ("POST", {})
    reply = failed.call(method, f"/v1/dead-letters/nobody{path}", body=body)
    assert reply.status == 404
