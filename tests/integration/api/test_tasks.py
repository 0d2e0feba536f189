"""`/tasks` and `/v1/tasks`: routed by what is required, never dropped, counted and cleared in the ledger."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, cast

import pytest

from muster.clock import SystemClock
from muster.dispatcher.endpoints import Endpoints
from muster.dispatcher.routing import route_waiting
from muster.keys.access import Role
from muster.outbound import Outbound
from tests.support.api_calls import AGENT, QUEUE, URGENT, Api
from tests.support.queues import MemoryQueues
from tests.support.web import HERE, Site, answer, site

TYPE = {"agent_type": "specialist"}


def _agent(api: Api, agent_id: str, **body: Any) -> None:
    endpoint = {"url": f"https://{agent_id}.example"}
    registered = {"agent_id": agent_id, "endpoint": endpoint, **body}
    assert api.call("POST", "/v1/agents", body=registered).status == 201


def _instance(api: Api, name: str, *agents: str, **body: Any) -> None:
    registered = {"instance_id": name, "agents": agents, **body}
    assert api.call("POST", "/v1/instances", body=registered).status == 201


def _submit(api: Api, task_id: str, **requirements: Any) -> dict[str, Any]:
    body = {"task_id": task_id, "requirements": requirements}
    reply = api.call("POST", "/v1/tasks", body=body)
    assert reply.status == 202
    return reply.json


def _due(api: Api) -> None:
    """Let the pause until the next search be over, and the dispatcher look."""
    api.query("UPDATE task SET search_after = now()")
    with api.dispatching() as database:
        route_waiting(database, clock=SystemClock())


def test_a_task_for_an_agent_is_its_job(api: Api):
    # Given a task that names its agent, in the distributor's words
    body = {"agent_id": AGENT, "task_data": {"n": 1}, "priority": "URGENT", "task_id": "t-1"}
    # When it is submitted
    told = api.call("POST", "/tasks/submit", body=body).json
    # Then the id that is answered is the one that is stored, in the lane of its priority
    assert (told["status"], told["task_id"], told["priority"]) == ("success", "t-1", "urgent")
    job = api.call("GET", "/v1/jobs/t-1").json
    assert (job["agent_id"], job["params"], job["status"]) == (AGENT, {"n": 1}, "pending")
    queues = cast("MemoryQueues", api.queues)
    assert [json.loads(m.body)["job_id"] for m in queues.receive(URGENT)] == ["t-1"]
    # And params that do not fit the agent are refused before anything is recorded
    wrong = {"agent_id": AGENT, "task_data": {"n": "one"}, "task_id": "t-2"}
    assert api.call("POST", "/tasks/submit", body=wrong).status == 422


def test_requirements_route_by_type_capabilities_and_services(api: Api):
    # Given agents that can do different things
    _agent(api, "reader", capabilities=["ocr"])
    _agent(api, "writer", capabilities=["pdf"])
    _instance(
        api, "w1", "writer", agent_type="specialist", capabilities=["print"], services=["press"]
    )
    # When tasks say what they require, then each gets the agent that has all of it
    assert _submit(api, "a", capabilities=["ocr"])["agent_id"] == "reader"
    assert _submit(api, "b", capabilities=["pdf", "print"])["agent_id"] == "writer"
    assert _submit(api, "c", agent_type="specialist")["agent_id"] == "writer"
    assert _submit(api, "d", services=["press"])["agent_id"] == "writer"
    assert _submit(api, "e", services=[AGENT])["agent_id"] == AGENT
    # And an agent behind a queue is sent its job at once
    queues = cast("MemoryQueues", api.queues)
    assert [json.loads(m.body)["job_id"] for m in queues.receive(QUEUE)] == ["e"]


def test_defect_a_task_that_nobody_can_do_waits_and_is_never_dropped(api: Api):
    # Given a task that nobody can do
    body = {"task_data": {"x": 1}, "requirements": {"capabilities": ["ocr"]}, "task_id": "t"}
    told = api.call("POST", "/tasks/submit", body=body)
    assert (told.status, told.json["agent_id"]) == (200, None)
    for _ in range(3):
        _due(api)
    waiting = api.call("GET", "/v1/tasks/t").json
    assert (waiting["status"], waiting["execution_id"]) == ("pending", None)
    assert api.call("GET", "/tasks/queues").json["queue_sizes"]["normal"] == 1
    # When an agent comes that can, and the dispatcher ticks
    _agent(api, "reader", capabilities=["ocr"])
    _due(api)
    # Then it is that agent's job, of the same id and params, once
    done = api.call("GET", "/v1/tasks/t").json
    assert done["agent_id"] == "reader"
    job = api.call("GET", "/v1/jobs/t").json
    assert (job["execution_id"], job["params"]) == (done["execution_id"], {"x": 1})
    _due(api)
    assert len(api.query("SELECT 1 FROM agent_job_execution")) == 1
    assert api.call("GET", "/tasks/queues").json["queue_sizes"]["normal"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"status": "maintenance"},
        {"status": "busy"},
        {"status": "active", "load_metrics": {"cpu": 0.99, "pending_tasks": 100}},
        None,
    ],
    ids=["maintenance", "busy", "full", "silent"],
)
def test_an_instance_that_cannot_take_work_gets_none(api: Api, change: dict[str, Any] | None):
    # Given an agent whose only instance is out of service, busy, full or silent
    _agent(api, "reader", capabilities=["ocr"])
    _instance(api, "r1", "reader")
    if change:
        api.call("PUT", "/v1/instances/r1/status", body=change)
    else:
        api.query("UPDATE agent_instance SET last_heartbeat = now() - interval '5 minutes'")
    # When a task could only be its own, then it waits
    assert _submit(api, "t", capabilities=["ocr"])["agent_id"] is None
    # And goes there when the instance is back
    back = {"status": "active", "load_metrics": {}}
    api.call("PUT", "/v1/instances/r1/status", body=back)
    api.call("POST", "/v1/instances/r1/heartbeat", body={})
    _due(api)
    assert api.call("GET", "/v1/tasks/t").json["agent_id"] == "reader"


def test_defect_tasks_spread_over_all_that_can_do_them_and_no_count_leaks(api: Api):
    # Given three agents that can do the same
    names = ["one", "two", "three"]
    for name in names:
        _agent(api, name, capabilities=["ocr"])
    # When thirty tasks come
    chosen = [_submit(api, f"task-{n}", capabilities=["ocr"])["agent_id"] for n in range(30)]
    # Then each agent gets its share, and none is ever full of tasks that have ended
    assert {name: chosen.count(name) >= 4 for name in names} == dict.fromkeys(names, True)
    assert None not in chosen


def test_an_agent_whose_schema_the_params_do_not_fit_is_passed_over(api: Api):
    schema = {"type": "object", "required": ["url"]}
    _agent(api, "picky", capabilities=["ocr"], input_schema=schema)
    assert _submit(api, "t", capabilities=["ocr"])["agent_id"] is None


def test_the_same_task_again_is_the_same_and_another_one_of_its_id_is_refused(api: Api):
    _agent(api, "reader", capabilities=["ocr"])
    first = _submit(api, "t", capabilities=["ocr"])
    # Given that others can do it, too, by now
    _agent(api, "other", capabilities=["ocr"])
    # When it comes again, it is the same job; with other words it is refused
    assert _submit(api, "t", capabilities=["ocr"]) == first
    other = {"task_id": "t", "requirements": {"capabilities": ["pdf"]}}
    assert api.call("POST", "/v1/tasks", body=other).status == 409
    assert len(api.query("SELECT 1 FROM agent_job_execution")) == 1


def test_a_process_that_dies_between_choice_and_job_loses_nothing(api: Api):
    # Given a task whose agent was chosen by a process that died before it recorded the job
    _agent(api, "reader", capabilities=["ocr"])
    _submit(api, "t", capabilities=["pdf"])
    api.query("UPDATE task SET agent_id = 'reader'")
    # When the dispatcher comes by, then the job is there
    _due(api)
    assert api.call("GET", "/v1/jobs/t").json["agent_id"] == "reader"


def test_clearing_a_queue_keeps_all_of_it_and_says_how_much(api: Api):
    # Given jobs and a task that wait
    for number in range(3):
        body = {"agent_id": AGENT, "task_data": {"n": number}, "priority": "low"}
        api.call("POST", "/tasks/submit", body=body)
    api.call("POST", "/tasks/submit", body={"agent_id": AGENT, "task_data": {}})
    waiting = {"task_data": {}, "requirements": {"capabilities": ["x"]}, "priority": "low"}
    api.call("POST", "/tasks/submit", body=waiting)
    assert api.call("GET", "/v1/queues").json["queue_sizes"]["low"] == 4
    # When an operator clears the queue, then it is refused; an admin may, whatever the case
    assert api.call("POST", "/tasks/queues/low/clear").status == 403
    admin = api.new_key(Role.ADMIN)
    reply = api.call("POST", "/tasks/queues/LOW/clear", key=admin).json
    # Then the count is told, the other queue is as it was, and everything is still to be read
    assert (reply["priority"], reply["cleared_count"]) == ("low", 4)
    assert api.call("GET", "/tasks/queues").json["queue_sizes"] == {
        "urgent": 0,
        "critical": 0,
        "high": 0,
        "normal": 1,
        "low": 0,
    }
    kept = api.call("GET", "/v1/jobs", query={"status": "cancelled"}).json["jobs"]
    assert [job["reason"] for job in kept] == ["queue_cleared"] * 3
    assert api.call("POST", "/tasks/queues/lowest/clear", key=admin).status == 422
    # And another tenant's admin clears nothing of it
    other = api.new_key(Role.ADMIN, tenant="other")
    assert api.call("POST", "/v1/queues/normal/clear", key=other).json["cleared_count"] == 0


def test_statistics_are_counted_and_the_same_in_every_process(api: Api):
    # Given jobs that ended and one that waits
    for number, status in enumerate(("completed", "completed", "failed", "pending")):
        body = {"agent_id": AGENT, "task_data": {}, "task_id": f"t-{number}"}
        api.call("POST", "/tasks/submit", body=body)
        api.query(
            "UPDATE agent_job_execution SET status = %s, started_at = queued_at + interval '2 s'"
            " WHERE job_id = %s AND %s <> 'pending'",
            status,
            f"t-{number}",
            status,
        )
    # When its statistics are asked for
    stats = api.call("GET", "/tasks/status").json["stats"]
    # Then they are what the ledger holds
    counts = ("tasks_distributed", "tasks_completed", "tasks_failed", "avg_distribution_time")
    assert [stats[name] for name in counts] == [3, 2, 1, 2]
    assert stats["load_balancer_stats"]["success_rate"] == pytest.approx(2 / 3)
    assert stats["queue_sizes"]["normal"] == 1
    # And both paths say the same
    assert api.call("GET", "/tasks/queues/stats").json["distribution_stats"] == stats


def test_what_cannot_be_is_422(api: Api):
    for body in (
        {"task_data": {}, "priority": "sometime", "agent_id": AGENT},
        {"task_data": {}},
        {"task_data": {}, "requirements": {}},
        {"task_data": {}, "requirements": {"agent_type": "wizard"}},
        {"task_data": {}, "agent_id": AGENT, "requirements": TYPE},
        {"agent_id": AGENT},
    ):
        assert api.call("POST", "/tasks/submit", body=body).status == 422, body
    assert api.call("GET", "/v1/tasks/nothing").status == 404


def test_an_agent_whose_endpoint_does_not_answer_gets_no_task_until_it_does(api: Api):
    # Given an agent whose endpoint failed when the dispatcher asked it, though its instance beats
    with site(answer(status="500 Oops")) as server:
        url = f"http://{HERE}:{server.port}/execute"
        _agent(api, "reader", capabilities=["ocr"], endpoint={"url": url})
        _instance(api, "r1", "reader")
        _ask(api, server)
        # When a task could only be its own, then it waits
        assert _submit(api, "t", capabilities=["ocr"])["agent_id"] is None
        shown = api.call("GET", "/v1/agents/reader").json["endpoint_health"]
        assert (shown["healthy"], shown["reason"]) == (False, "http_500")
        # And discovery tells it from the others
        listed = {
            healthy: [
                agent["agent_id"]
                for agent in api.call("GET", "/v1/agents", query={"healthy": healthy}).json[
                    "agents"
                ]
            ]
            for healthy in ("true", "false")
        }
        assert listed["false"] == ["reader"]
        assert AGENT in listed["true"]
        assert "reader" not in listed["true"]
        # When it answers again, then the task is its own
        server.script = answer()
        _ask(api, server)
    _due(api)
    assert api.call("GET", "/v1/tasks/t").json["agent_id"] == "reader"
    # And a word that is older than three minutes bars nobody: the dispatcher may be away
    api.query("UPDATE agent_endpoint_health SET healthy = false, reason = 'http_500'")
    assert _submit(api, "u", capabilities=["ocr"])["agent_id"] is None
    api.query("UPDATE agent_endpoint_health SET checked_at = now() - interval '4 minutes'")
    _due(api)
    assert api.call("GET", "/v1/tasks/u").json["agent_id"] == "reader"


def _ask(api: Api, server: Site) -> None:
    """Let a minute pass, and the dispatcher ask."""
    api.query("UPDATE agent_endpoint_health SET asked_at = now() - interval '60 s'")
    outbound = Outbound(addresses=(HERE,), ports=(server.port,))
    with api.dispatching() as database:
        endpoints = Endpoints(
            database=database, outbound=outbound, connections=2, patience=timedelta(seconds=30)
        )
        assert endpoints.page() == 1
