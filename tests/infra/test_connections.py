"""The functions together cannot exhaust the database's connections: synth refuses what could."""

from __future__ import annotations

import dataclasses

import pytest

from muster.contracts import LISTENER_CONNECTIONS
from muster.errors import ConfigurationError
from muster.lane import LANES
from muster.manifest import Queue
from stacks.config import STAGES
from stacks.connections import ConnectionBudget, connections_at_most
from stacks.database_settings import InstanceDatabase
from tests.infra.synthesis import agent, long_jobs

DEV = dataclasses.replace(STAGES["dev"], database=InstanceDatabase(instance_class="t4g.micro"))


def test_agents_that_fit_are_accepted():
    ConnectionBudget(stage=DEV, agents={"one": 20, "two": 20}).verify()


def test_agents_that_do_not_fit_are_refused_with_the_numbers_and_the_settings():
    # Given agents that need more than a small instance has
    budget = ConnectionBudget(stage=DEV, agents={"big": 60, "small": 1, "other": 20})
    # When the budget is checked
    with pytest.raises(ConfigurationError) as raised:
        budget.verify()
    # Then every number is there, and where to change it
    message = str(raised.value)
    for part in (
        f"{budget.needed} database connections",
        "max_connections is 100",
        "agents 81",
        "big 60",
        "dispatcher 2",
        "api 20",
        "register 17",
        "reserved_connections 20",
        "Lower `concurrency`, or have fewer lanes, in agent.toml",
        "database.instance_class (now t4g.micro)",
    ):
        assert part in message


def test_the_limit_itself_still_fits():
    # Given a budget that leaves exactly one agent's worth
    base = ConnectionBudget(stage=DEV, agents={})
    free = DEV.database.max_connections - base.needed
    # Then that many fit, and one more does not
    ConnectionBudget(stage=DEV, agents={"one": free}).verify()
    with pytest.raises(ConfigurationError):
        ConnectionBudget(stage=DEV, agents={"one": free + 1}).verify()


def test_an_agent_holds_a_connection_for_every_function_that_its_lanes_may_run():
    one, five = Queue(batch=1), Queue(batch=1, lanes=LANES)
    small = dataclasses.replace(DEV, event_source_ceiling=4)
    wanted = [
        (one, 1, DEV, 2),
        (one, 20, DEV, 20),
        (five, 1, DEV, 10),
        (five, 20, DEV, 20),
        (one, 20, small, 4),
        (five, 20, small, 14),
    ]
    for queue, concurrency, stage, connections in wanted:
        manifest = agent("one", queue=queue, concurrency=concurrency)
        assert connections_at_most(manifest, stage) == connections


def test_an_external_database_names_its_own_setting():
    external = dataclasses.replace(STAGES["local"], event_source_ceiling=None)
    with pytest.raises(ConfigurationError, match=r"database\.max_connections"):
        ConnectionBudget(stage=external, agents={"one": 1000}).verify()


def test_a_listeners_tasks_are_counted_twice_since_a_deployment_replaces_them_one_by_one():
    # Given at most three tasks, each with a few connections, and as many again while they are replaced
    manifest = long_jobs(concurrency=7, queue=Queue(batch=2))
    assert connections_at_most(manifest, DEV) == 2 * 3 * LISTENER_CONNECTIONS
    # And on a stage whose tasks are processes, one and the one that follows it
    assert connections_at_most(manifest, STAGES["local"]) == 2 * LISTENER_CONNECTIONS
