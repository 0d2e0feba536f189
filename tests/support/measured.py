"""A ledger with something of everything that Prometheus is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.api_calls import AGENT, Api

_INSERT = (
    "INSERT INTO agent_job_execution (agent_id, job_id, status, priority, tenant, queued_at, started_at,"
    " completed_at, metrics, relay_after)"
    " VALUES (%s, %s, %s, %s, %s, now() - %s::interval, now() - %s::interval, now() - %s::interval, %s, NULL)"
)


def _job(
    api: Api,
    job_id: str,
    status: str,
    *,
    asked: str,
    began: str | None = None,
    ended: str | None = None,
    priority: str = "normal",
    tenant: str = "default",
    metrics: Mapping[str, Any] | None = None,
) -> None:
    """An execution with these times ago."""
    told = json.dumps(metrics) if metrics else None
    api.query(_INSERT, AGENT, job_id, status, priority, tenant, asked, began, ended, told)


def tasks(api: Api) -> None:
    """One that has found its agent, one that has not, and one that has not for long."""
    for name, requires, priority in (
        ("t1", {"services": [AGENT]}, "normal"),
        ("t2", {"capabilities": ["flight"]}, "normal"),
        ("t3", {"capabilities": ["flight"]}, "low"),
    ):
        body = {"task_id": name, "requirements": requires, "priority": priority}
        assert api.call("POST", "/v1/tasks", body=body).status == 202
    api.query("UPDATE task SET created_at = now() - interval '1 hour' WHERE task_id = 't3'")


@pytest.fixture
def busy(api: Api) -> Api:
    """Two jobs that completed, one that failed, one long ago, one that runs, and three that wait."""
    used = {"executionTime": 2000, "memoryUsage": 80}
    _job(api, "a", "completed", asked="70 s", began="60 s", ended="10 s", metrics=used)
    _job(api, "b", "completed", asked="50 s", began="20 s", ended="20 s", metrics=used)
    _job(api, "c", "failed", asked="60 s", began="50 s", ended="30 s")
    _job(api, "old", "completed", asked="2 hours", began="2 hours", ended="1 hour")
    _job(api, "runs", "running", asked="2 hours", began="1 hour")
    _job(api, "w1", "pending", asked="30 s", priority="urgent")
    _job(api, "w2", "pending", asked="30 s", priority="low")
    _job(api, "w3", "pending", asked="30 s", priority="low")
    return api


@pytest.fixture
def everything(busy: Api) -> Api:
    """A sample of each metric."""
    tasks(busy)
    busy.query("INSERT INTO agent_instance (instance_id, status) VALUES ('i-1', 'running')")
    busy.query("INSERT INTO agent_instance_agent VALUES ('i-1', %s)", AGENT)
    busy.query("INSERT INTO lane_depth VALUES (%s, 'normal', 1, 2, 3)", AGENT)
    return busy
