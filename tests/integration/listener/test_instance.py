"""How a listener shows itself: its row, its leadership, its health and its metrics."""

from __future__ import annotations

import json
import signal
from datetime import timedelta
from typing import Any

import pytest

from muster.cli.main import main
from muster.fleet_settings import FleetSettings
from muster.store.instances import Instance, Instances
from tests.support.clerk import AGENT
from tests.support.listening import Rig
from tests.support.waiting import wait_until


def test_a_listener_registers_beats_again_after_its_row_is_lost_and_leaves(rig: Rig):
    # Given a listener
    listener, gate = rig.start(drain_seconds="600"), rig.gate()
    [row] = wait_until(lambda: rig.clerk.query("SELECT * FROM agent_instance"))
    assert (row["kind"], row["status"], row["pid"]) == ("listener", "running", listener.pid)
    assert row["metadata"]["lanes"] == ["normal"]
    links = rig.clerk.query("SELECT agent_id FROM agent_instance_agent")
    assert [link["agent_id"] for link in links] == [AGENT]
    assert listener.health()["instance_id"] == row["instance_id"]
    # When its row is deleted, and it is told to drain, which it says in the table
    rig.clerk.query("DELETE FROM agent_instance")
    rig.send("j", do="sleep", gate=str(gate))
    wait_until(lambda: rig.steps("j"))
    listener.signal(signal.SIGTERM)
    wait_until(lambda: _statuses(rig) == ["draining"])
    # Then the row is there again, and says in the end that it stopped; nothing is linked any more
    gate.touch()
    assert listener.ends() == 0
    assert _statuses(rig) == ["stopped"]
    assert rig.clerk.query("SELECT * FROM agent_instance_agent") == []


def test_the_job_s_row_names_the_instance_that_runs_it(rig: Rig):
    listener = rig.start()
    rig.send("j", do="effect")
    row = rig.becomes("j", "completed")
    assert row["worker"] == listener.health()["instance_id"]


def test_one_of_two_listeners_leads_and_the_other_follows_when_it_goes(rig: Rig):
    # Given two listeners of one agent
    first = rig.start()
    wait_until(lambda: first.health()["is_leader"])
    second = rig.start()
    assert not second.health()["is_leader"]
    # When the leader ends
    first.signal(signal.SIGTERM)
    first.ends()
    # Then its leadership is free at once, or the other, which asks at each beat, has it already
    [lease] = rig.clerk.query(
        "SELECT holder, expires_at <= now() AS free FROM lease WHERE name = 'leader:tester'"
    )
    assert lease["free"] or lease["holder"] == second.health()["instance_id"]


def test_a_leader_that_is_killed_is_replaced_and_the_ledger_is_looked_after(rig: Rig):
    """P2, P3: no dispatcher ticks here: whoever leads the listeners does what it would."""
    # Given a leader and a second listener, with short terms
    fleet = FleetSettings(leader_ttl=16, cleanup_interval=1).to_json()
    first = rig.start(fleet=fleet)
    wait_until(lambda: first.health()["is_leader"])
    second = rig.start(fleet=fleet)
    lease = _lease(rig)
    # When the leader is killed
    first.signal(signal.SIGKILL)
    first.ends()
    # Then the second leads once the term has ended, under a higher fence
    wait_until(lambda: second.health().get("is_leader"), within=120, every=0.1)
    heir = _lease(rig)
    assert heir["holder"] == second.health()["instance_id"] != lease["holder"]
    assert heir["fence"] > lease["fence"]
    # And a job whose worker vanished, and whose message is lost, is found, sent again and done
    rig.clerk.take("lost", lease=timedelta(seconds=0))
    rig.clerk.query(
        "UPDATE agent_job_execution SET params = %s WHERE job_id = 'lost'",
        json.dumps({"do": "effect"}),
    )
    rig.becomes("lost", "completed", within=120)
    kinds = [event["kind"] for event in rig.clerk.events("lost")]
    assert kinds == ["claimed", "rescued", "relayed", "claimed", "completed"]


def test_what_no_longer_beats_is_marked_and_forgotten_in_time(rig: Rig):
    # Given instances: one alive, one silent since three minutes, one that ended a month ago
    instances = Instances(rig.clerk.database)
    for name in ("alive", "silent", "old"):
        instances.beat(_instance(name), status="running", running_jobs=0)
    instances.stop(_instance("old"))
    _age(rig, "silent", "3 minutes")
    _age(rig, "old", "30 days")
    # When the table is swept
    marked = instances.sweep()
    # Then the silent one is marked, the old one is gone
    assert marked == ["silent"]
    rows = rig.clerk.query("SELECT instance_id, status FROM agent_instance ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [("alive", "running"), ("silent", "stale")]
    # And one that beats again is back
    instances.beat(_instance("silent"), status="running", running_jobs=1)
    assert _statuses(rig) == ["running", "running"]


def test_the_command_line_tells_which_instances_there_are(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    # Given two instances, one of which has been silent for three minutes and was not marked yet
    instances = Instances(rig.clerk.database)
    for name in ("alive", "silent"):
        instances.beat(_instance(name), status="running", running_jobs=2)
    _age(rig, "silent", "3 minutes")
    # When they are listed
    monkeypatch.setenv("DATABASE_URL", rig.url)
    assert main(["instances", AGENT, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    # Then each is told as it is
    assert [(row["instance_id"], row["status"], row["agents"]) for row in told] == [
        ("alive", "running", [AGENT]),
        ("silent", "stale", [AGENT]),
    ]
    assert main(["instances", "another", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_metrics_have_few_series_whatever_the_jobs_are_called(rig: Rig):
    # Given a listener that has run jobs with different names, tenants and ends
    listener = rig.start()
    rig.send(*(f"j{n}" for n in range(30)), do="effect")
    rig.send("bad", do="fail")
    rig.at_rest()
    wait_until(lambda: listener.metric("jobs_total") >= 31)
    # When Prometheus asks
    status, text = listener.get("/metrics")
    # Then there are few series, and no name of a job in any
    assert status == 200
    series = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(series) < 40
    assert "j1" not in text.replace(listener.health()["instance_id"], "")
    assert 'muster_listener_jobs_total{outcome="completed"} 30' in text
    assert 'muster_listener_jobs_total{outcome="failed"} 1' in text


def test_health_has_the_agreed_keys(rig: Rig):
    listener = rig.start(fresh=True)
    status, body = listener.get("/health")
    assert status == 200
    told = json.loads(body)
    assert {"instance_id", "is_running", "is_leader"} <= told.keys()
    assert listener.get("/nowhere")[0] == 404


def _lease(rig: Rig) -> dict[str, Any]:
    [lease] = rig.clerk.query("SELECT * FROM lease WHERE name = 'leader:tester'")
    return lease


def _instance(name: str) -> Instance:
    return Instance(
        instance_id=name, agent_id=AGENT, hostname="h", pid=1, version="1", code_version="c"
    )


def _age(rig: Rig, name: str, age: str) -> None:
    rig.clerk.query(
        "UPDATE agent_instance SET last_heartbeat = now() - %s::interval WHERE instance_id = %s",
        age,
        name,
    )


def _statuses(rig: Rig) -> list[str]:
    rows = rig.clerk.query("SELECT status FROM agent_instance ORDER BY instance_id")
    return [row["status"] for row in rows]
