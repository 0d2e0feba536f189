"""Workers outside: they take jobs over HTTP, report on them, and write nothing once their fence is passed."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest

from muster.keys.access import Role
from muster.lane import LANES
from tests.support.api_calls import AGENT, Api, Reply
from tests.support.clerk import database_of

OUTSIDE = "translator"


@pytest.fixture
def worker(api: Api) -> str:
    """The key of a worker of `translator`, an agent that runs elsewhere."""
    api.query(
        "INSERT INTO agent_registry"
        " (agent_id, compute, retries, timeout_seconds, concurrency, default_config)"
        " VALUES (%s, 'http', 1, 120, 3, %s) RETURNING 1",
        OUTSIDE,
        json.dumps({"tone": "plain", "limit": 1}),
    )
    return api.new_key(Role.AGENT)


def _submit(api: Api, job_id: str, **more: Any) -> str:
    body = {"agent_id": OUTSIDE, "job_id": job_id, "params": {"text": job_id}, **more}
    reply = api.call("POST", "/v1/jobs", body=body)
    assert reply.status == 202
    return reply.json["execution_id"]


def _claim(api: Api, key: str, **more: Any) -> list[dict[str, Any]]:
    reply = api.call("POST", "/v1/executions/claim", body={"agent_id": OUTSIDE, **more}, key=key)
    assert reply.status == 200, reply
    return reply.json["executions"]


def _report(api: Api, held: dict[str, Any], body: dict[str, Any]) -> Reply:
    path = f"/v1/executions/{held['execution_id']}"
    return api.call("PATCH", path, body=body, key=held["token"])


def _rescue(api: Api) -> None:
    """What the dispatcher does with an execution whose worker is gone."""
    api.query(
        "UPDATE agent_job_execution SET status = 'pending', suspect = true, lease_expires_at = NULL,"
        " available_at = now() RETURNING 1"
    )


def test_a_worker_takes_a_job_reports_and_completes_it(api: Api, worker: str):
    # Given a job of an agent that runs elsewhere
    execution = _submit(api, "a", config={"limit": 7})
    # When its worker asks for work
    [held] = _claim(api, worker, worker="laptop")
    # Then it has all that it needs, and nobody else has the job
    assert (held["execution_id"], held["job_id"], held["attempt"]) == (execution, "a", 1)
    assert (held["params"], held["config"]) == ({"text": "a"}, {"tone": "plain", "limit": 7})
    assert _claim(api, worker) == []
    # When it says how far it is, and what it did
    going = _report(api, held, {"progress": {"percent": 50}, "metrics": {"inputTokens": 10}})
    assert (going.status, going.json["status"], going.json["cancel_requested"]) == (
        200,
        "running",
        False,
    )
    assert api.call("GET", "/v1/jobs/a").json["progress"] == {"percent": 50}
    body = {"status": "completed", "result": {"text": "á"}, "metrics": {"outputTokens": 20}}
    assert _report(api, held, body).json["status"] == "completed"
    # Then the job has it, and everything that happened
    job = api.call("GET", "/v1/jobs/a").json
    assert (job["status"], job["result"], job["attempts"]) == ("completed", {"text": "á"}, 1)
    assert job["metrics"] == {"inputTokens": 10, "outputTokens": 20}
    assert [event["kind"] for event in job["events"]] == ["created", "claimed", "completed"]


def test_a_report_of_the_end_may_be_repeated_and_not_changed(api: Api, worker: str):
    _submit(api, "a")
    [held] = _claim(api, worker)
    done = {"status": "completed", "result": 1}
    assert [_report(api, held, done).status for _ in range(2)] == [200, 200]
    late = _report(api, held, {"status": "failed", "error": {"message": "no"}})
    assert (late.status, late.json["code"]) == (409, "execution_lost")
    assert _report(api, held, {"progress": {"percent": 1}}).status == 409
    assert api.call("GET", "/v1/jobs/a").json["result"] == 1


def test_who_lost_an_execution_writes_nothing(api: Api, worker: str):
    # Given a worker that vanished, and another that has its job
    _submit(api, "a")
    [lost] = _claim(api, worker)
    _report(api, lost, {"state": {"page": 3}})
    _rescue(api)
    [held] = _claim(api, worker)
    assert (held["attempt"], held["state"]) == (2, {"page": 3})
    # When the first comes back
    before = api.query("SELECT * FROM agent_job_execution")
    for body in ({"progress": {"percent": 9}}, {"status": "completed", "result": "stale"}):
        reply = _report(api, lost, body)
        # Then it is told to stop, and the row is as it was
        assert (reply.status, reply.json["code"]) == (409, "execution_lost")
    assert api.query("SELECT * FROM agent_job_execution") == before
    assert _report(api, held, {"status": "completed"}).status == 200


def test_a_failure_is_tried_again_while_the_budget_lasts(api: Api, worker: str):
    # Given an agent with one retry
    _submit(api, "a")
    [held] = _claim(api, worker)
    error = {"message": "the model is away", "code": "model_away", "class": "HTTPError"}
    # When its attempt fails, it is pending again, after a pause
    body = {"status": "failed", "error": error, "retry_after_seconds": 60}
    assert _report(api, held, body).json["status"] == "pending"
    assert _claim(api, worker) == []
    # And when the last one does, it has failed
    api.query("UPDATE agent_job_execution SET available_at = now() RETURNING 1")
    [held] = _claim(api, worker)
    assert _report(api, held, {"status": "failed", "error": error}).json["status"] == "failed"
    job = api.call("GET", "/v1/jobs/a").json
    assert (job["error"]["code"], job["error"]["message"]) == ("model_away", "the model is away")
    assert job["attempts"] == 2


def test_a_failure_that_no_retry_mends_is_final(api: Api, worker: str):
    _submit(api, "a")
    [held] = _claim(api, worker)
    error = {"message": "no such language", "retryable": False}
    assert _report(api, held, {"status": "failed", "error": error}).json["status"] == "failed"


def test_a_worker_hears_that_its_job_is_called_off_and_says_so(api: Api, worker: str):
    _submit(api, "a")
    [held] = _claim(api, worker)
    api.call("POST", "/v1/jobs/a/cancel")
    assert _report(api, held, {}).json["cancel_requested"] is True
    assert _report(api, held, {"status": "cancelled"}).json["status"] == "cancelled"
    assert api.call("GET", "/v1/jobs/a").json["status"] == "cancelled"


def test_progress_puts_off_the_lease_and_never_past_the_deadline(api: Api, worker: str):
    # Given a claim for a minute of an agent that may take two
    _submit(api, "a")
    [held] = _claim(api, worker, lease_seconds=60)
    left = api.query("SELECT lease_expires_at - now() AS left FROM agent_job_execution")[0]["left"]
    assert left <= timedelta(seconds=60)
    # When its lease has nearly ended and it says that it is alive
    api.query("UPDATE agent_job_execution SET lease_expires_at = now() RETURNING 1")
    renewed = _report(api, held, {}).json["lease_expires_at"]
    # Then the lease ends a minute later, and at the deadline at the latest
    assert renewed < held["deadline"]
    token = dict(held)
    assert api.query(
        "SELECT lease_expires_at > now() + interval '30 s' AS alive FROM agent_job_execution"
    )[0]["alive"]
    assert token["deadline"] > held["lease_expires_at"]


def test_the_more_urgent_goes_first_and_none_waits_for_ever(api: Api, worker: str):
    # Given jobs of every priority and of one moment, and a low one that has waited for a minute
    for priority in reversed(LANES):
        _submit(api, priority, priority=priority)
    _submit(api, "old", priority="low")
    api.query(
        "UPDATE agent_job_execution"
        " SET available_at = now() - CASE job_id WHEN 'old' THEN interval '60 s' ELSE '0' END RETURNING 1"
    )
    # When workers take one after another
    order: list[str] = []
    for _ in range(6):
        [held] = _claim(api, worker)
        order.append(held["job_id"])
        _report(api, held, {"status": "completed"})
    # Then the old one comes first, the others by priority
    assert order == ["old", *LANES]


def test_no_more_are_taken_than_the_agent_may_run_at_once(api: Api, worker: str):
    # Given ten jobs of an agent with a concurrency of 3, and four processes that ask at once
    for n in range(10):
        _submit(api, f"job-{n}")
    processes = [Api(url=api.url, database=database_of(api.url)) for _ in range(4)]
    taken: list[dict[str, Any]] = []
    start = threading.Barrier(len(processes))

    def ask(process: Api) -> None:
        start.wait()
        taken.extend(_claim(process, worker, count=2))

    threads = [threading.Thread(target=ask, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        process.database.close()
    # Then they have three together, each another one
    assert len(taken) == len({held["execution_id"] for held in taken}) == 3
    # And as many again as are done
    _report(api, taken[0], {"status": "completed"})
    assert len(_claim(api, worker, count=10)) == 1


def test_only_agents_that_run_elsewhere_have_workers_that_ask(api: Api, worker: str):
    ours = api.call("POST", "/v1/executions/claim", body={"agent_id": AGENT}, key=worker)
    api.query("UPDATE agent_registry SET compute = 'lambda' WHERE agent_id = %s RETURNING 1", AGENT)
    ours = api.call("POST", "/v1/executions/claim", body={"agent_id": AGENT}, key=worker)
    assert (ours.status, ours.json["code"]) == (409, "agent_not_outside")
    none = api.call("POST", "/v1/executions/claim", body={"agent_id": "nobody"}, key=worker)
    assert none.status == 404
    api.query("UPDATE agent_registry SET enabled = false RETURNING 1")
    off = api.call("POST", "/v1/executions/claim", body={"agent_id": OUTSIDE}, key=worker)
    assert (off.status, off.json["code"]) == (409, "agent_disabled")


def test_a_worker_takes_jobs_of_its_own_tenant_alone(api: Api, worker: str):
    _submit(api, "a")
    assert _claim(api, api.new_key(Role.AGENT, tenant="other")) == []
    assert len(_claim(api, worker)) == 1


def test_a_token_is_for_one_execution_and_nothing_else(api: Api, worker: str):
    _submit(api, "a")
    _submit(api, "b")
    one, other = _claim(api, worker, count=2)
    path = f"/v1/executions/{other['execution_id']}"
    # Neither another's nor anything besides a report
    assert api.call("PATCH", path, body={}, key=one["token"]).status == 404
    for method, closed, body in (
        ("GET", "/v1/jobs", None),
        ("POST", "/v1/jobs", {"agent_id": OUTSIDE}),
        ("POST", "/v1/tokens", {}),
        ("POST", "/v1/executions/claim", {"agent_id": OUTSIDE}),
    ):
        assert api.call(method, closed, body=body, key=one["token"]).status == 403
    # And no key reports, whatever its role
    for role in Role:
        assert api.call("PATCH", path, body={}, key=api.new_key(role)).status == 403


def test_a_token_ends_with_the_key_of_its_worker(api: Api, worker: str):
    _submit(api, "a")
    [held] = _claim(api, worker)
    api.query("UPDATE api_key SET active = false WHERE role = 'agent' RETURNING 1")
    assert _report(api, held, {}).status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "done"}, 422),
        ({"status": "pending"}, 422),
        ({"status": "failed"}, 422),
        ({"status": "completed", "error": {"message": "x"}}, 422),
        ({"status": "running", "result": 1}, 422),
        ({"metrics": {"inputTokens": "many"}}, 422),
        ({"progress": 7}, 422),
        ({"progress": {"text": "x" * 17_000}}, 413),
        ({"status": "completed", "result": "x" * 300_000}, 413),
    ],
)
def test_a_report_that_cannot_be_is_refused_and_changes_nothing(
    api: Api, worker: str, body: dict[str, Any], status: int
):
    _submit(api, "a")
    [held] = _claim(api, worker)
    before = api.query("SELECT * FROM agent_job_execution")
    assert _report(api, held, body).status == status
    assert api.query("SELECT * FROM agent_job_execution") == before


def test_what_is_told_of_the_end_is_what_workers_of_ours_tell(
    api: Api, worker: str, capsys: pytest.CaptureFixture[str]
):
    """A metric with the agent's dimension, so that its success is seen wherever it runs."""
    _submit(api, "a")
    [held] = _claim(api, worker)
    _report(api, held, {"status": "completed", "metrics": {"executionTime": 12.5}})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    [line] = [line for line in lines if "ExecutionsCompleted" in line]
    assert (line["agent"], line["Duration"]) == (OUTSIDE, [12.5])
