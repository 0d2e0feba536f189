"""`GET /v1/jobs` and `GET /v1/jobs/{id}`: filters, pages that do not shift, and one tenant's view."""

from __future__ import annotations

import pytest

from muster.keys.access import Role
from tests.support.api_calls import AGENT, Api


def _submit(api: Api, count: int, **body: object) -> list[str]:
    made = [api.call("POST", "/v1/jobs", body={"agent_id": AGENT, **body}) for _ in range(count)]
    assert {reply.status for reply in made} <= {202}
    return [reply.json["execution_id"] for reply in made]


def _pages(api: Api, **query: object) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        asked = {**query, **({"cursor": cursor} if cursor else {})}
        reply = api.call("GET", "/v1/jobs", query=asked)
        assert reply.status == 200, reply.text
        pages.append([job["execution_id"] for job in reply.json["jobs"]])
        cursor = reply.json["next_cursor"]
        if cursor is None:
            return pages


def test_pages_hold_every_job_once_newest_first(api: Api):
    made = _submit(api, 7)
    pages = _pages(api, limit=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [job for page in pages for job in page] == made[::-1]


def test_what_comes_between_two_pages_moves_nothing(api: Api):
    made = _submit(api, 4)
    first = api.call("GET", "/v1/jobs", query={"limit": 2}).json
    _submit(api, 3)
    query = {"limit": 2, "cursor": first["next_cursor"]}
    second = api.call("GET", "/v1/jobs", query=query).json
    assert [job["execution_id"] for job in second["jobs"]] == made[1::-1]


def test_jobs_of_one_moment_are_on_one_page_each(api: Api):
    made = _submit(api, 5)
    api.query("UPDATE agent_job_execution SET created_at = date_trunc('day', now()) RETURNING 1")
    assert sorted(job for page in _pages(api, limit=2) for job in page) == sorted(made)


def test_filters_leave_what_they_name(api: Api):
    _submit(api, 2)
    [urgent] = _submit(api, 1, priority="urgent")
    [named] = _submit(api, 1, job_id="a, b&c")
    api.query(
        "UPDATE agent_job_execution SET status = 'cancelled' WHERE execution_id = %s RETURNING 1",
        named,
    )
    assert _pages(api, priority="urgent") == [[urgent]]
    assert _pages(api, status="cancelled") == [[named]]
    assert _pages(api, job_id="a, b&c", agent_id=AGENT) == [[named]]
    assert _pages(api, agent_id="http-fetch") == [[]]
    assert _pages(api, source="webhook") == [[]]


@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "limit=0",
        "limit=201",
        "limit=ten",
        "cursor=%00",
        "cursor=abc",
        "cursor=MjAyNi0wMS0wMSB4",
        "nonsense=1",
        "status=failed&status=pending",
        "agent_id=A%20B",
        "job_id=",
    ],
)
def test_a_query_that_cannot_be_is_refused(api: Api, query: str):
    assert api.call("GET", "/v1/jobs", query=query).status == 422


def test_a_job_is_found_by_either_id_with_all_that_happened(api: Api):
    [execution] = _submit(api, 1, job_id="j", params={"n": 5})
    by_execution = api.call("GET", f"/v1/jobs/{execution}").json
    assert api.call("GET", "/v1/jobs/j").json == by_execution
    assert (by_execution["job_id"], by_execution["params"]) == ("j", {"n": 5})
    assert [event["kind"] for event in by_execution["events"]] == ["created"]


def test_a_job_id_of_two_agents_asks_for_the_agent(api: Api):
    _submit(api, 1, job_id="j")
    api.call("POST", "/jobs", body={"url": "https://example.com", "job_id": "j"})
    assert api.call("GET", "/v1/jobs/j").json["code"] == "ambiguous"
    assert api.call("GET", "/v1/jobs/j", query={"agent_id": AGENT}).json["agent_id"] == AGENT


@pytest.mark.parametrize(
    "path", ["/v1/jobs/nothing", "/v1/jobs/00000000-0000-4000-8000-000000000000"]
)
def test_what_is_not_there_is_404(api: Api, path: str):
    assert api.call("GET", path).status == 404


def test_another_tenant_sees_and_touches_nothing(api: Api):
    # Given a failed job of one tenant
    [execution] = _submit(api, 1, job_id="j")
    api.query("UPDATE agent_job_execution SET status = 'failed' RETURNING 1")
    # When another tenant's admin looks for it, by whatever name
    other = api.new_key(Role.ADMIN, tenant="other")
    for id_ in (execution, "j"):
        assert api.call("GET", f"/v1/jobs/{id_}", key=other).status == 404
        assert api.call("POST", f"/v1/jobs/{id_}/cancel", key=other).status == 404
        assert api.call("POST", f"/v1/jobs/{id_}/retry", key=other).status == 404
    assert api.call("GET", "/v1/jobs", key=other).json["jobs"] == []
    # And asking for a job of the same id is a conflict that tells nothing
    reply = api.call("POST", "/v1/jobs", body={"agent_id": AGENT, "job_id": "j"}, key=other)
    assert reply.status == 409
    assert execution not in reply.text
    # Then the job is as it was
    [row] = api.query("SELECT status, cancel_requested_at FROM agent_job_execution")
    assert row == {"status": "failed", "cancel_requested_at": None}


def test_an_agent_of_one_tenant_takes_no_jobs_of_another(api: Api):
    api.query("UPDATE agent_registry SET tenant = 'acme' WHERE agent_id = %s RETURNING 1", AGENT)
    body = {"agent_id": AGENT}
    assert api.call("POST", "/v1/jobs", body=body).status == 404
    acme = api.new_key(tenant="acme")
    assert api.call("POST", "/v1/jobs", body=body, key=acme).status == 202
    assert api.call("GET", "/v1/jobs", key=acme).json["jobs"][0]["agent_id"] == AGENT
    [row] = api.query("SELECT tenant FROM agent_job_execution")
    assert row["tenant"] == "acme"


@pytest.mark.parametrize("job_id", ["über", 'a"b', "a#b", "日本", "a`b", "a\\b", "100%", "a%41"])
def test_a_job_is_found_whatever_its_id_is_written_with(api: Api, job_id: str):
    """The framework's own router takes most of these for no value. The gateway decodes all but `%25`."""
    made = api.call("POST", "/v1/jobs", body={"agent_id": AGENT, "job_id": job_id}).json
    found = api.call("GET", f"/v1/jobs/{job_id.replace('%', '%25')}")
    assert (found.status, found.json["execution_id"]) == (200, made["execution_id"])


@pytest.mark.parametrize("value", ["a\x00", "a\ud800"])
def test_what_no_id_can_be_is_404(api: Api, value: str):
    assert api.call("GET", f"/v1/jobs/{value}").status == 404
