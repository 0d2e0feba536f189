"""What people look at of an agent: a dashboard over what is emitted, and queries over what is logged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from muster.errors import Cancelled, PermanentError, RetryLater
from muster.job import Job
from muster.log import logger
from muster.metrics import EmbeddedMetrics
from tests.infra.synthesis import Resource, Synthesis
from tests.infra.test_alarms_and_metrics import emitted, lives
from tests.support.clerk import AGENT
from tests.support.worker import Workshop

#: Words of the query language, and what CloudWatch itself gives to every line.
_LANGUAGE = {
    "fields", "filter", "sort", "limit", "stats", "by", "in", "or", "and", "like", "as", "desc", "asc",
    "count", "latest", "pct", "max", "bin", "ispresent", "h", "@timestamp", "@message",
}  # fmt: skip
#: Of Lambda's own reports in JSON, as AWS documents them.
_OF_LAMBDA = {"type", "record.metrics.initDurationMs"}


def _text(value: Any) -> str:
    """A template's string with its references by name."""
    if isinstance(value, str):
        return value
    [(kind, inner)] = value.items()
    if kind == "Fn::Join":
        return inner[0].join(_text(part) for part in inner[1])
    return f"<{inner}>"


def _dashboard(synthesis: Synthesis, agent: str) -> dict[str, Any]:
    [found] = synthesis.of_agent(agent, "AWS::CloudWatch::Dashboard")
    return json.loads(_text(found.properties["DashboardBody"]))


def _queries(synthesis: Synthesis, agent: str) -> dict[str, Resource]:
    found = synthesis.of_agent(agent, "AWS::Logs::QueryDefinition")
    return {query.properties["Name"].rpartition("/")[2]: query for query in found}


def _asked(query: str) -> set[str]:
    """The fields that a query asks for."""
    bare = re.sub(r'"[^"]*"|/[^/\n]*/|\bas \w+', " ", query)
    named = set(re.findall(r"as (\w+)", query))
    return set(re.findall(r"@?[a-zA-Z][\w.]*", bare)) - _LANGUAGE - named


@pytest.fixture
def said(database_url: str, capsys: pytest.CaptureFixture[str]) -> Iterator[str]:
    """What workers and the dispatcher print while jobs of the agent end, fail, wait and are lost."""
    shop = Workshop(database_url, behaviour=_ends, max_attempts=2)
    # Its lines go to where this test reads them: a logger keeps the stream that it began with
    shop.log.logger = logger(f"{AGENT}-{uuid4()}")
    capsys.readouterr()
    lives(shop, "prod")
    shop.send("again", "called-off")
    for _ in range(4):  # what was lost runs alone first
        shop.skip(timedelta(minutes=1))
        shop.deliver()
    cast("EmbeddedMetrics", shop.metrics).flush()
    yield capsys.readouterr().out
    shop.close()


def _ends(job: Job) -> None:
    if job.id.startswith("bad"):
        raise PermanentError("no")
    if job.id == "again":
        raise RetryLater("not now")
    if job.id == "called-off":
        raise Cancelled("not any more")


def test_a_stage_says_whether_each_agent_has_a_dashboard(each: Synthesis):
    found = {
        manifest.id: len(each.of_agent(manifest.id, "AWS::CloudWatch::Dashboard"))
        for manifest in each.manifests
    }
    assert set(found.values()) == {int(each.stage.agent_dashboards)}


def test_a_dashboard_of_an_agent_shows_what_is_emitted_of_it(synthesised: Any, said: str):
    prod = synthesised("prod")
    # Given what is emitted of an agent with a service
    really = {
        (namespace, name)
        for namespace, name, dimensions in emitted(said)
        if ("agent", AGENT) in dimensions
    }
    # When the dashboards of all agents are looked at
    for manifest in prod.manifests:
        shown = [
            w["properties"]
            for w in _dashboard(prod, manifest.id)["widgets"]
            if w["type"] == "metric"
        ]
        lines = [line for graph in shown for line in graph["metrics"]]
        # Then every line is a metric that is emitted, of this agent and stage
        assert {(line[0], line[1]) for line in lines} <= really
        assert {tuple(line[2:6]) for line in lines} == {("stage", "prod", "agent", manifest.id)}
        # And how many run, whether they succeed and how long they take is among them
        names = {line[1] for line in lines}
        assert {
            "Running",
            "ExecutionsCompleted",
            "ExecutionsFailed",
            "Latency",
            "Duration",
        } <= names
        assert ("Demand" in names) == (manifest.compute == "fargate")


def test_a_dashboard_tells_errors_by_kind_from_the_agent_s_own_log(synthesised: Any):
    prod = synthesised("prod")
    for manifest in prod.manifests:
        [log] = [w for w in _dashboard(prod, manifest.id)["widgets"] if w["type"] == "log"]
        [group] = prod.of_agent(manifest.id, "AWS::Logs::LogGroup")
        assert log["properties"]["query"].startswith(f"SOURCE '<{group.id}>' | filter kind")


def test_every_agent_has_its_saved_queries_over_its_own_log(cloud: Synthesis):
    for manifest in cloud.manifests:
        queries = _queries(cloud, manifest.id)
        expected = {"errors", "one-job", "slow-jobs"}
        assert set(queries) == expected | (
            {"cold-starts"} if manifest.compute == "lambda" else set()
        )
        [group] = cloud.of_agent(manifest.id, "AWS::Logs::LogGroup")
        for name, query in queries.items():
            assert query.properties["Name"] == f"muster/{cloud.stage.name}/{manifest.id}/{name}"
            assert query.properties["LogGroupNames"] == [{"Ref": group.id}]


def test_what_the_emulator_does_not_know_is_not_deployed_to_it(synthesised: Any):
    local = synthesised("local")
    assert "AWS::Logs::QueryDefinition" in local.stage.lacks
    assert local.resources("AWS::Logs::QueryDefinition") == []


def test_queries_ask_for_keys_that_lines_have(synthesised: Any, said: str):
    prod = synthesised("prod")
    # Given the lines of an agent's log
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    keys = {key for line in lines if "level" in line for key in line}
    agent = prod.on_lambda[0].id
    asked = {name: _asked(q.properties["QueryString"]) for name, q in _queries(prod, agent).items()}
    [log] = [w for w in _dashboard(prod, agent)["widgets"] if w["type"] == "log"]
    asked["dashboard"] = _asked(log["properties"]["query"].partition(" | ")[2])
    # Then each query asks for keys that they have, and the one for cold starts for what Lambda reports
    for name, fields in asked.items():
        assert fields
        assert fields <= (_OF_LAMBDA if name == "cold-starts" else keys), name
