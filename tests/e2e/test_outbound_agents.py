"""The agents that call URLs, deployed: what the local stage lets them reach, and what it refuses."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from muster.aws.sqs import Queues
from muster.ports import Outgoing
from stacks.outbound import LOCAL_SERVER_PORTS
from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy
from tests.support.feeds import Publisher
from tests.support.web import HERE, Site, site


@pytest.fixture
def publisher() -> Publisher:
    publisher = Publisher()
    publisher.feeds["news"] = ["1", "2", "3"]
    return publisher


@pytest.fixture
def served(publisher: Publisher) -> Iterator[Site]:
    """The publisher on the first free of the ports that the stage names."""
    with contextlib.ExitStack() as stack:
        for port in LOCAL_SERVER_PORTS:
            with contextlib.suppress(OSError):
                yield stack.enter_context(site(publisher, port=port))
                return
        raise AssertionError("none of the ports is free")


def send(deployed: DeployedCopy, agent: str, **params: Any) -> str:
    """Send a job; its id."""
    job_id = str(uuid4())
    body = json.dumps({"muster": 1, "job_id": job_id, "params": params})
    url = deployed.described["agents"][agent]["queue_url"]
    [sent] = Queues(client=deployed.aws.client("sqs")).send_batch(url, [Outgoing(body=body)])
    assert sent.ok
    return job_id


def ended(deployed: DeployedCopy, job_id: str) -> tuple[str, dict[str, Any], str | None]:
    """Status, result and error code of a job that is over."""
    found: list[tuple[Any, ...]] = []

    def over() -> bool:
        found[:] = deployed.query(
            "SELECT status, result, error ->> 'code' FROM agent_job_execution"
            " WHERE job_id = %s AND status NOT IN ('pending', 'running')",
            job_id,
        )
        return bool(found)

    wait_for(over, what=f"the end of job {job_id}", timeout=600)
    status, result, code = found[0]
    return status, result, code


def test_what_the_stage_names_is_called_and_nothing_else(deployed: DeployedCopy, served: Site):
    # Given a server that the stage lets be called, and addresses that it does not
    base = f"http://{HERE}:{served.port}"
    refused = {
        "http://169.254.169.254/latest/meta-data/": "metadata_address",
        "http://10.0.0.1/": "special_address",
        "http://example.com/": "external_requests_off",
        f"http://{HERE}:22/": "port_refused",
    }
    # When each is asked for
    good = send(deployed, "http-fetch", url=f"{base}/news")
    bad = {send(deployed, "http-fetch", url=url): code for url, code in refused.items()}
    # Then the one is answered, and the others are failed jobs with the code of their verdict
    status, result, _ = ended(deployed, good)
    assert (status, result["status"]) == ("completed", 200)
    assert "<title>News</title>" in result["body"]
    for job_id, code in bad.items():
        assert ended(deployed, job_id)[::2] == ("failed", code)
    assert deployed.query("SELECT host FROM agent_http_fetch.rate") == [(HERE,)]


def test_a_feed_is_collected_once_and_told_of(
    deployed: DeployedCopy, served: Site, publisher: Publisher
):
    # Given a feed, read twice
    base = f"http://{HERE}:{served.port}"
    params = {"url": f"{base}/news", "notify_url": f"{base}/told"}
    results = [ended(deployed, send(deployed, "feed-collector", **params))[:2] for _ in range(2)]
    # Then its items were new once, and told once
    assert [(status, result["new"]) for status, result in results] == [
        ("completed", 3),
        ("completed", 0),
    ]
    assert publisher.ids_told() == [["1", "2", "3"]]
    stored = deployed.query(
        "SELECT item_id FROM agent_feed_collector.item WHERE feed_url = %s ORDER BY item_id",
        params["url"],
    )
    assert stored == [("1",), ("2",), ("3",)]
