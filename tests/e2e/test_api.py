"""The HTTP API as it is deployed: a key, a job, its result, and what is refused."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from muster.api.routes import ROUTES
from tests.support.any_call import Caller
from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy

pytestmark = pytest.mark.slow


#: Whoever calls everything does so for itself: it can neither see nor change what other tests have.
STRANGERS = "strangers"


def _key(deployed: DeployedCopy, role: str, tenant: str = "default") -> str:
    made = deployed.muster(
        *("keys", "create", f"test {role}", "--role", role, "--tenant", tenant, "--json")
    )
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)["key"]


def _call(
    deployed: DeployedCopy, method: str, path: str, *, key: str = "", body: Any = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(
        deployed.described["api_url"] + path,
        method=method,
        headers=headers,
        data=None if body is None else json.dumps(body).encode(),
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_job_by_the_deployed_api_runs_and_its_result_comes_back(deployed: DeployedCopy):
    # Given an operator's key
    key = _key(deployed, "operator")
    # When a job is asked for, twice
    body = {
        "agent_id": "document-profile",
        "params": {"text": "hello world"},
        "job_id": f"api-{uuid4()}",
    }
    status, made = _call(deployed, "POST", "/v1/jobs", key=key, body=body)
    assert (status, made["status"]) == (202, "pending")
    assert _call(deployed, "POST", "/v1/jobs", key=key, body=body)[0] == 200
    other = {**body, "params": {"text": "something else"}}
    assert _call(deployed, "POST", "/v1/jobs", key=key, body=other)[0] == 409

    # Then it runs once, and its result can be read
    def done() -> dict[str, Any] | None:
        job = _call(deployed, "GET", f"/v1/jobs/{made['execution_id']}", key=key)[1]
        return job if job["status"] == "completed" else None

    job = wait_for(done, what="the job's end")
    assert (job["attempts"], job["source"]) == (1, "api")
    assert job["result"]["sha256"] == hashlib.sha256(b"hello world").hexdigest()
    assert [event["kind"] for event in job["events"]] == ["created", "claimed", "completed"]
    # And it is in the list
    listed = _call(deployed, "GET", "/v1/jobs?source=api&limit=200", key=key)[1]["jobs"]
    assert made["execution_id"] in {entry["execution_id"] for entry in listed}


@pytest.fixture
def stranger(deployed: DeployedCopy) -> Iterator[Caller]:
    """An admin of a tenant of its own, with an agent and a running job; nothing of it stays."""
    key = _key(deployed, "admin", STRANGERS)
    agent = {"agent_id": "stranger"}
    assert _call(deployed, "POST", "/v1/agents", key=key, body=agent)[0] == 201
    job = {**agent, "params": {}}
    status, made = _call(deployed, "POST", "/v1/jobs", key=key, body=job)
    assert status == 202
    held = _call(deployed, "POST", "/v1/executions/claim", key=key, body=agent)[1]["executions"]
    session = requests.Session()
    session.trust_env = False
    with session:
        yield Caller(
            id=made["execution_id"],
            admin=key,
            execution=held[0]["token"],
            examples=1,
            options={"base_url": deployed.described["api_url"], "session": session},
        )
    for table in ("agent_registry", "agent_instance", "task", "api_key"):
        deployed.query(f"DELETE FROM {table} WHERE tenant = %s", STRANGERS)
    deployed.query(
        "UPDATE agent_job_execution SET status = 'cancelled', dlq_pending = false, completed_at = now()"
        " WHERE tenant = %s AND (status IN ('pending', 'running') OR dlq_pending)",
        STRANGERS,
    )


def test_every_answer_of_the_deployed_api_is_documented(
    deployed: DeployedCopy, stranger: Caller, subtests: pytest.Subtests
):
    import schemathesis
    from schemathesis import GenerationMode

    # Given the document that the deployed API serves
    status, document = _call(deployed, "GET", "/openapi.json")
    assert status == 200
    schema = schemathesis.openapi.from_dict(document)
    # When every operation is called over HTTP, as it may be and as it may not be
    called = sum(
        stranger.call_all(schema, mode, subtests)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    )
    # Then each answer was one of those that are documented for it, and none was a 5xx
    assert called > len(ROUTES)


def test_the_deployed_api_is_closed_to_whom_it_does_not_know(deployed: DeployedCopy):
    viewer = _key(deployed, "viewer")
    body = {"agent_id": "document-profile"}
    assert _call(deployed, "GET", "/health")[0] == 200
    assert _call(deployed, "GET", "/v1/jobs")[0] == 401
    assert _call(deployed, "GET", "/v1/jobs", key=viewer)[0] == 200
    assert _call(deployed, "POST", "/v1/jobs", key=viewer, body=body)[0] == 403
    assert _call(deployed, "DELETE", "/v1/jobs", key=viewer)[0] == 405
    assert _call(deployed, "GET", "/nowhere", key=viewer)[0] == 404
