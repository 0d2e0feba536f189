"""Several processes of the API say the same: what one remembers is never believed over the database."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.api_calls import AGENT, QUEUE, URGENT, Api
from tests.support.clerk import database_of

BODY = {"agent_id": AGENT, "params": {"n": 1}}


@pytest.fixture
def warm(api: Api) -> Iterator[list[Api]]:
    """Two processes that have both taken a job of the agent already."""
    other = Api(url=api.url, database=database_of(api.url), queues=api.queues, key=api.key)
    processes = [api, other]
    for process in processes:
        assert process.call("POST", "/v1/jobs", body=BODY).status == 202
    yield processes
    other.database.close()


def _change(api: Api, assignment: str, *values: object) -> None:
    api.query(
        f"UPDATE agent_registry SET {assignment} WHERE agent_id = %s RETURNING 1", *values, AGENT
    )


def test_what_is_recorded_by_one_is_seen_by_the_other(warm: list[Api]):
    one, other = warm
    made = one.call("POST", "/v1/jobs", body={**BODY, "job_id": "shared"}).json
    assert other.call("GET", "/v1/jobs/shared").json["execution_id"] == made["execution_id"]
    assert other.call("POST", "/v1/jobs", body={**BODY, "job_id": "shared"}).status == 200
    assert other.call("POST", "/v1/jobs/shared/cancel").json["status"] == "cancelled"
    assert one.call("GET", "/v1/jobs/shared").json["status"] == "cancelled"


def test_a_schema_that_changes_holds_for_the_next_job_everywhere(warm: list[Api]):
    _change(warm[0], "input_schema = %s", json.dumps({"type": "object", "required": ["m"]}))
    for process in warm:
        refused = process.call("POST", "/v1/jobs", body=BODY)
        assert (refused.status, refused.json["code"]) == (422, "invalid_params")
        taken = {**BODY, "params": {"m": "text"}}
        assert process.call("POST", "/v1/jobs", body=taken).status == 202


def test_an_agent_that_is_switched_off_takes_no_job_from_then_on_anywhere(warm: list[Api]):
    _change(warm[0], "enabled = false")
    for process in warm:
        assert process.call("POST", "/v1/jobs", body=BODY).json["code"] == "agent_disabled"
    _change(warm[0], "enabled = true")
    for process in warm:
        assert process.call("POST", "/v1/jobs", body=BODY).status == 202


def test_an_agent_that_goes_to_another_tenant_or_retires_is_gone_everywhere(warm: list[Api]):
    for assignment in ("tenant = 'other'", "tenant = 'default', active = false"):
        _change(warm[0], assignment)
        for process in warm:
            assert process.call("POST", "/v1/jobs", body=BODY).status == 404


def test_jobs_go_to_the_queues_that_an_agent_has_now(warm: list[Api]):
    # Given an agent that was deployed anew, with another queue
    endpoint = {"type": "sqs", "queues": {"normal": URGENT}, "dlq": "https://dead"}
    _change(warm[0], "endpoint = %s", json.dumps(endpoint))
    before = warm[0].queues.depth(QUEUE).total
    # When each process takes a job / Then it is on the new one
    for process in warm:
        assert process.call("POST", "/v1/jobs", body=BODY).status == 202
    assert warm[0].queues.depth(URGENT).total == 2
    assert warm[0].queues.depth(QUEUE).total == before
