"""`/metrics`: what Prometheus is told is what the ledger says, in text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from muster.api.metrics.exposition import HELP
from muster.dispatcher.duties import Duties
from muster.keys.access import Role
from tests.support.api_calls import AGENT, Api
from tests.support.grafana import expressions, grouped, selectors
from tests.support.measured import tasks
from tests.support.telling import MemoryMetrics

Labels = frozenset[tuple[str, str]]


def scraped(api: Api, **options: Any) -> Mapping[str, Mapping[Labels, float]]:
    """Values by name and labels, read by Prometheus's own parser."""
    reply = api.call("GET", "/metrics", **options)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(reply.text))
    return {
        family.name: {frozenset(s.labels.items()): s.value for s in family.samples}
        for family in families
    }


def labels(**values: str) -> Labels:
    return frozenset({"agent": AGENT, **values}.items())


def test_jobs_are_told_as_the_ledger_has_them(busy: Api):
    told = scraped(busy)
    assert told["muster_agents"] == {frozenset({("state", "enabled")}): 2}
    assert told["muster_jobs_ended"] == {
        labels(outcome="completed"): 2,
        labels(outcome="failed"): 1,
    }
    assert told["muster_jobs_pending"] == {labels(priority="urgent"): 1, labels(priority="low"): 2}
    assert told["muster_jobs_running"] == {labels(): 1}
    assert told["muster_jobs_distributed"] == {labels(): 3}
    assert told["muster_distribution_seconds"][labels()] == pytest.approx((10 + 30 + 10) / 3)
    assert told["muster_job_oldest_seconds"][labels()] == pytest.approx(7200, abs=60)
    assert told["muster_job_latency_seconds"][labels(quantile="0.5")] == pytest.approx(45)
    assert told["muster_job_run_seconds"] == {labels(): 4}
    assert told["muster_job_memory_megabytes"] == {labels(): 80}


def test_queues_are_told_as_the_dispatcher_measured_them(api: Api):
    # Given two messages on a lane, and a measurement
    api.call("POST", "/v1/jobs", body={"agent_id": AGENT, "params": {"n": 1}})
    api.call("POST", "/v1/jobs", body={"agent_id": AGENT, "params": {"n": 2}})
    metrics = MemoryMetrics()
    with api.dispatching() as database:
        measure = Duties(
            database=database,
            ledger=None,  # pyright: ignore[reportArgumentType] - not of this duty
            queues=api.queues,
            metrics=lambda _, lane=None: metrics.of_lane(lane),  # pyright: ignore[reportArgumentType] - the fake has what is used
        ).all()
        [page] = [duty.page for duty in measure if duty.name == "measure"]
        page()
    # When it is scraped / Then each lane is there, by priority
    told = scraped(api)["muster_queue_messages"]
    assert told[labels(priority="normal", state="visible")] == 2
    assert told[labels(priority="urgent", state="visible")] == 0


def test_instances_and_how_the_load_lies_on_them(api: Api):
    for number, (status, jobs) in enumerate((("running", 1), ("running", 3), ("stale", 9))):
        api.query(
            "INSERT INTO agent_instance (instance_id, status, running_jobs) VALUES (%s, %s, %s)",
            f"i-{number}",
            status,
            jobs,
        )
        api.query("INSERT INTO agent_instance_agent VALUES (%s, %s)", f"i-{number}", AGENT)
    told = scraped(api)
    assert told["muster_instances"] == {labels(status="running"): 2, labels(status="stale"): 1}
    assert told["muster_instance_load"] == {
        labels(of="least"): 1,
        labels(of="mean"): 2,
        labels(of="most"): 3,
    }


def test_tasks_are_told_by_whether_they_found_an_agent(api: Api):
    # Given a task that an agent could take, one that nobody can, and one of long ago
    tasks(api)
    # When it is scraped / Then the balancer's success is there, and what waits however old
    told = scraped(api)
    assert told["muster_tasks"] == {
        frozenset({("outcome", "routed")}): 1,
        frozenset({("outcome", "waiting")}): 1,
    }
    assert told["muster_tasks_waiting"] == {
        frozenset({("priority", "normal")}): 1,
        frozenset({("priority", "low")}): 1,
    }


def test_a_tenant_is_told_of_nothing_that_is_another_s(busy: Api):
    stranger = busy.new_key(Role.VIEWER, tenant="acme")
    assert scraped(busy, key=stranger) == {}


def test_nobody_without_a_key_is_told_anything(api: Api):
    assert api.call("GET", "/metrics", key="mstr_none").status == 401


def test_everything_that_is_told_is_documented_and_the_other_way_round(everything: Api):
    assert set(scraped(everything)) == set(HELP)


def test_dashboards_choose_by_labels_that_there_are(everything: Api):
    # Given every metric with its labels
    told = {
        name: {label for labels in samples for label, _ in labels}
        for name, samples in scraped(everything).items()
    }
    # When a panel, or a list to choose from, names a label / Then its metric has it
    for expression in expressions("agents.json"):
        for name, chosen in selectors(expression):
            assert chosen <= told[name], expression
        assert grouped(expression) <= set[str]().union(*told.values()), expression
