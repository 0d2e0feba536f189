"""Every alarm on a metric of Muster's looks at what the runtime really emits: name, namespace, dimensions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from muster.contracts import DISPATCHER, METRICS_NAMESPACE
from muster.dispatcher.host import DispatcherHost
from muster.dispatcher.lane_choice import LaneChoice
from muster.fleet_settings import FleetSettings
from muster.job import Job
from muster.metrics import EmbeddedMetrics, MetricsByAgent
from muster.outbound import Outbound
from muster.ports import Outgoing
from muster.store.instances import Instance, Instances
from muster.store.ledger import Ledger
from tests.infra.synthesis import Synthesis
from tests.infra.test_alarms import alarms, series_of
from tests.support.clerk import AGENT
from tests.support.worker import Workshop

#: Namespace, name, and dimensions with their values.
Metric = tuple[str, str, tuple[tuple[str, str], ...]]
_TASK = "0" * 32


def emitted(text: str) -> Iterator[Metric]:
    """Each metric of the embedded metric format in what was printed."""
    for line in text.splitlines():
        if not line.startswith("{"):
            continue
        record = json.loads(line)
        for block in record.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in block["Dimensions"]:
                dimensions = tuple(sorted((name, record[name]) for name in names))
                for metric in block["Metrics"]:
                    yield block["Namespace"], metric["Name"], dimensions


def lives(shop: Workshop, stage: str) -> None:
    """What happens to an agent with a service: jobs end, fail, are lost, wait, are not buried or fired."""
    service = {"queues": {"normal": shop.lane}, "dlq": shop.dlq, "service": "its-service"}
    shop.clerk.query("UPDATE agent_registry SET endpoint = %s", json.dumps(service))
    mine = EmbeddedMetrics(stage=stage, agent=AGENT)
    shop.metrics = mine  # pyright: ignore[reportAttributeAccessIssue] - the worker's real ones
    shop.send("good", "bad")
    shop.deliver()
    letters = shop.memory.stored.pop(shop.dlq)
    shop.send("bad-too")
    shop.deliver()
    shop.memory.stored[shop.dlq] = letters
    mine.flush()
    shop.clerk.take("lost")
    shop.clerk.query(
        "INSERT INTO agent_schedule (agent_id, name, expression, missed, next_at)"
        " VALUES (%s, 'hourly', '0 * * * *', 'skip', now() - interval '1 day')",
        AGENT,
    )
    shop.skip(timedelta(hours=1))
    shop.send("waits")
    instance = Instance(
        instance_id=f"{AGENT}-1", agent_id=AGENT, hostname="h", pid=1, version="1", code_version="c"
    )
    Instances(shop.clerk.database).beat(instance, status="running", running_jobs=0)
    task = {
        "taskArn": f"arn:aws:ecs:eu-central-1:123456789012:task/muster-{stage}/{_TASK}",
        "lastStatus": "STOPPED",
        "stopCode": "TaskFailedToStart",
        "group": "service:its-service",
    }
    word = Outgoing(body=json.dumps({"detail": task}))
    shop.queues.send_batch(str(shop.task_events), [word])
    DispatcherHost(
        database=shop.dispatching,
        ledger=Ledger(shop.dispatching),
        queues=shop.queues,
        clock=shop.clock,
        log=shop.log.logger,
        lanes=LaneChoice(shop.log.logger),
        task_events=str(shop.task_events),
        fleet=FleetSettings(),
        keep_days=90,
        event_hints=False,
        outbound=Outbound(),
        metrics=MetricsByAgent(stage),
    ).tick(holder="one", time_left=timedelta(seconds=60))


def test_every_alarm_looks_at_what_is_emitted(
    cloud: Synthesis, database_url: str, capsys: pytest.CaptureFixture[str]
):
    # Given the alarms of a stage on Muster's own metrics, whichever agent they are about
    stage = cloud.stage.name
    agents = {manifest.id for manifest in cloud.manifests}

    def anyones(dimensions: dict[str, Any]) -> dict[str, Any]:
        return {**dimensions, "agent": AGENT} if dimensions.get("agent") in agents else dimensions

    asked = {
        (namespace, name, tuple(sorted(anyones(dict(dimensions)).items())))
        for alarm in alarms(cloud)
        for namespace, name, dimensions in series_of(alarm)
        if namespace == METRICS_NAMESPACE
    }
    assert {dict(dimensions)["agent"] for _, _, dimensions in asked} == {AGENT, DISPATCHER}
    # When workers and the dispatcher of that stage do their work
    behaviour: Callable[[Job], Any] = _good_or_bad
    shop = Workshop(database_url, behaviour=behaviour, max_attempts=1)
    capsys.readouterr()
    lives(shop, stage)
    shop.close()
    # Then each metric that an alarm looks at is among those that they emit
    assert asked - set(emitted(capsys.readouterr().out)) == set()


def _good_or_bad(job: Job) -> None:
    if job.id.startswith("bad"):
        raise ValueError("no")
