"""The doors while the stage takes no jobs: each says so and when to come back, and records nothing."""

from __future__ import annotations

from typing import Any

import pytest

from muster.clock import SystemClock
from muster.dispatcher.routing import route_waiting
from tests.support.api_calls import AGENT, Api, Reply
from tests.support.hooks import NewSender

_JOB = {"agent_id": AGENT, "params": {"n": 1}}
_REQUIRED = {"requirements": {"agent_type": "specialist"}}
_DOORS: list[tuple[str, dict[str, Any]]] = [
    ("/jobs", _JOB),
    ("/v1/jobs", _JOB),
    ("/v1/tasks", _REQUIRED),
    ("/tasks/submit", {"agent_id": AGENT, "task_data": {"n": 1}}),
    ("/tasks/submit", {**_REQUIRED, "task_data": {"n": 1}}),
]
_COUNTS = (
    "SELECT (SELECT count(*) FROM agent_job_execution) + (SELECT count(*) FROM job_key)"
    " + (SELECT count(*) FROM task) AS rows"
)


def _stop(api: Api, *, by: str = "budget", ends: str = "now() + interval '10 minutes'") -> None:
    api.query(
        "INSERT INTO intake (stopped, reason, changed_by, since, ends_at)"
        f" VALUES (true, 'why', %s, now(), {ends})",
        by,
    )


def _assert_stopped(reply: Reply, *, most: int) -> None:
    assert (reply.status, reply.json["code"]) == (503, "intake_stopped")
    assert reply.json["type"] == "urn:muster:problem:intake-stopped"
    assert "muster intake resume" in reply.json["detail"]
    assert 1 <= int(reply.headers["Retry-After"]) <= most


@pytest.mark.parametrize("known", [False, True], ids=["stranger", "known"])
@pytest.mark.parametrize(("path", "body"), _DOORS)
def test_each_door_says_so_and_records_nothing(
    api: Api, path: str, body: dict[str, Any], *, known: bool
):
    # Given a process that has met its caller and the agent before, or has not; and a stop
    for _ in range(2 if known else 0):
        assert api.call("POST", path, body=body).status in (200, 202)
    before = api.query(_COUNTS)
    _stop(api)
    # When a job is asked for / Then it is refused, with the time to come back
    _assert_stopped(api.call("POST", path, body=body), most=600)
    assert api.query(_COUNTS) == before
    # When the doors are open again / Then it is taken
    api.query("UPDATE intake SET stopped = false")
    assert api.call("POST", path, body=body).status in (200, 202)
    assert api.query(_COUNTS) != before


def test_a_delivery_is_refused_so_that_its_sender_comes_back(api: Api, new_sender: NewSender):
    sender = new_sender("hmac")
    _stop(api)
    _assert_stopped(sender.post(sender.body("msg_1")), most=600)
    assert api.query("SELECT 1 FROM agent_job_execution") == []
    # When it comes back after the stop / Then it is taken
    api.query("UPDATE intake SET ends_at = now()")
    assert sender.post(sender.body("msg_1")).status == 202


@pytest.mark.parametrize(
    ("by", "ends"), [("budget", "now() + interval '20 days'"), ("ann", "NULL")], ids=str
)
def test_nobody_is_sent_away_for_more_than_an_hour(api: Api, by: str, ends: str):
    _stop(api, by=by, ends=ends)
    reply = api.call("POST", "/v1/jobs", body=_JOB)
    _assert_stopped(reply, most=3600)
    assert reply.headers["Retry-After"] == "3600"
    assert ("limit" in reply.json["detail"]) == (by == "budget")


def test_what_is_wrong_with_a_call_is_said_all_the_same(api: Api):
    _stop(api)
    assert api.call("POST", "/v1/jobs", body={"agent_id": "nobody"}).status == 404
    wrong = {"agent_id": AGENT, "params": {"n": "one"}}
    assert api.call("POST", "/v1/jobs", body=wrong).status == 422


def test_what_was_taken_before_goes_on(api: Api):
    # Given two jobs and a task that waits for an agent; and a stop
    jobs = [
        api.call("POST", "/v1/jobs", body={**_JOB, "job_id": name}).json["execution_id"]
        for name in ("kept", "cancelled")
    ]
    task = {"task_id": "t", "requirements": {"capabilities": ["ocr"]}}
    assert api.call("POST", "/v1/tasks", body=task).json["execution_id"] is None
    _stop(api)
    # Then the same job again is the same job, and jobs are read, cancelled and run again
    again = api.call("POST", "/v1/jobs", body={**_JOB, "job_id": "kept"})
    assert (again.status, again.json["execution_id"]) == (200, jobs[0])
    assert api.call("GET", f"/v1/jobs/{jobs[0]}").status == 200
    assert api.call("POST", f"/v1/jobs/{jobs[1]}/cancel").json["status"] == "cancelled"
    api.query("UPDATE agent_job_execution SET status = 'failed' WHERE job_id = 'kept'")
    assert api.call("POST", f"/v1/jobs/{jobs[0]}/retry").status == 202
    # And the task becomes a job as soon as somebody can do it
    api.query("UPDATE agent_registry SET capabilities = '{ocr}' WHERE agent_id = %s", AGENT)
    api.query("UPDATE task SET search_after = now()")
    with api.dispatching() as database:
        route_waiting(database, clock=SystemClock())
    assert api.call("GET", "/v1/tasks/t").json["execution_id"] is not None
