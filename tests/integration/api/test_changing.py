"""Cancel and retry over HTTP, on a real database and with a real worker's claims."""

from __future__ import annotations

import json

import pytest

from muster.model import Delivery, Verdict
from muster.store.ledger import Ledger
from tests.support.api_calls import AGENT, QUEUE, Api
from tests.support.clerk import FAILURE, MINUTE, claimant
from tests.support.clerk import outcome as outcome_of
from tests.support.queues import MemoryQueues


def _submitted(api: Api) -> str:
    reply = api.call(
        "POST", "/v1/jobs", body={"agent_id": AGENT, "job_id": "j", "params": {"n": 1}}
    )
    return reply.json["execution_id"]


def _claim(api: Api, message: str = "m"):
    delivery = Delivery(message_id=message, job_id="j", params=None)
    [judgement] = Ledger(api.database).claim(
        [delivery], claimant=claimant(agent_id=AGENT), lease=MINUTE
    )
    return judgement


def test_a_pending_job_that_is_cancelled_never_starts(api: Api):
    _submitted(api)
    reply = api.call("POST", "/v1/jobs/j/cancel")
    assert (reply.status, reply.json["status"], reply.json["reason"]) == (
        200,
        "cancelled",
        "requested",
    )
    # Asking again changes nothing, and no worker gets it
    assert api.call("POST", "/v1/jobs/j/cancel").json == reply.json
    assert _claim(api).verdict is Verdict.DUPLICATE


def test_a_running_job_is_told(api: Api):
    _submitted(api)
    assert _claim(api).verdict is Verdict.TAKEN
    reply = api.call("POST", "/v1/jobs/j/cancel")
    assert (reply.status, reply.json["status"]) == (200, "running")
    assert reply.json["cancel_requested_at"] is not None


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_what_has_ended_cannot_be_cancelled(api: Api, status: str):
    _submitted(api)
    api.query("UPDATE agent_job_execution SET status = %s RETURNING 1", status)
    reply = api.call("POST", "/v1/jobs/j/cancel")
    assert (reply.status, reply.json["code"]) == (409, "job_finished")


def test_a_failed_job_runs_again_with_its_whole_budget(api: Api):
    # Given a job that a worker failed for good
    execution = _submitted(api)
    claim = _claim(api).claim
    assert claim is not None
    Ledger(api.database).settle([outcome_of(claim, "failed", error=FAILURE)])
    # When it is retried
    reply = api.call("POST", f"/v1/jobs/{execution}/retry")
    # Then it is pending, and its message is on the way again
    assert (reply.status, reply.json["status"], reply.json["attempts"]) == (202, "pending", 0)
    assert (reply.json["redrives"], reply.json["error"]) == (1, None)
    assert [event["kind"] for event in reply.json["events"]] == [
        "created",
        "claimed",
        "failed",
        "redriven",
    ]
    assert isinstance(api.queues, MemoryQueues)
    bodies = [json.loads(message.body) for message in api.queues.stored[QUEUE]]
    assert [body["job_id"] for body in bodies] == ["j", "j"]
    # And a worker takes it, under a higher fence
    again = _claim(api, "m2").claim
    assert again is not None
    assert (again.fence, again.attempt, again.max_attempts) == (2, 1, 3)


@pytest.mark.parametrize("status", ["pending", "running", "completed", "cancelled"])
def test_what_has_not_failed_is_not_retried(api: Api, status: str):
    _submitted(api)
    api.query("UPDATE agent_job_execution SET status = %s RETURNING 1", status)
    reply = api.call("POST", "/v1/jobs/j/retry")
    assert (reply.status, reply.json["code"]) == (409, "job_not_failed")
    assert api.query("SELECT status, redrives FROM agent_job_execution") == [
        {"status": status, "redrives": 0}
    ]
