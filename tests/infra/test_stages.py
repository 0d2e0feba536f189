"""Stages: known by name, never by default, and refused with the cure when they contradict themselves."""

from __future__ import annotations

import dataclasses

import pytest

from muster.errors import ConfigurationError
from muster.fleet_settings import FleetSettings
from stacks.config import (
    STAGES,
    NetworkSettings,
    Stage,
    stage_named,
)
from stacks.database_settings import ExternalDatabase, InstanceDatabase


@pytest.mark.parametrize("name", [None, "", "staging"])
def test_a_stage_that_is_not_known_is_an_error_that_says_what_to_type(name: str | None):
    # When it is looked up
    with pytest.raises(ConfigurationError) as raised:
        stage_named(name)
    # Then the known ones and the command are in the message
    for known in STAGES:
        assert known in str(raised.value)
    assert "npx cdk deploy --all -c stage=dev" in str(raised.value)


def test_a_known_stage_is_found():
    assert stage_named("prod").name == "prod"


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_no_stage_lets_its_agents_call_strangers_unless_it_is_told_to(stage: Stage):
    assert not stage.outbound.external
    told = stage_named(stage.name, allow_external_requests="yes")
    assert told == dataclasses.replace(
        stage, outbound=dataclasses.replace(stage.outbound, external=True)
    )
    assert stage_named(stage.name, allow_external_requests="no") == stage


def test_only_the_local_stage_lets_its_agents_call_this_machine():
    exceptions = {name: stage.outbound.addresses for name, stage in STAGES.items()}
    assert exceptions == {"local": ("127.0.0.1",), "dev": (), "prod": ()}


def test_another_word_than_yes_and_no_is_refused():
    with pytest.raises(ConfigurationError, match="'true': use yes or no"):
        stage_named("dev", allow_external_requests="true")


def test_what_each_stage_promises():
    local, dev, prod = STAGES["local"], STAGES["dev"], STAGES["prod"]
    assert isinstance(local.database, ExternalDatabase)
    assert local.network is None
    assert isinstance(dev.database, InstanceDatabase)
    assert dev.network == NetworkSettings(nat_gateways=1)
    assert isinstance(prod.database, InstanceDatabase)
    assert prod.database.multi_az
    assert prod.keep_data
    assert prod.network == NetworkSettings(nat_gateways=2)


def test_the_demo_agents_reach_no_stage_but_local():
    roots = {name: stage.agent_roots for name, stage in STAGES.items()}
    assert roots.pop("local") == ("lambdas/agents", "local/agents")
    assert set(roots.values()) == {("lambdas/agents",)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"database": InstanceDatabase(instance_class="t2.huge")}, "t4g.micro"),
        ({"database": InstanceDatabase(instance_class="t4g.micro", backup_days=0)}, "1 to 35"),
        (
            {"database": InstanceDatabase(instance_class="t4g.micro", max_storage_gib=20)},
            "must exceed",
        ),
        ({"network": None}, "needs a network"),
        ({"network": NetworkSettings(nat_gateways=0)}, "use 1 to 2"),
        ({"network": NetworkSettings(zones=3)}, "2 zones"),
        ({"agent_shards": 0}, "1 to 100"),
        ({"log_retention_days": 8}, "use one of"),
        ({"agent_roots": ()}, "at least one folder"),
    ],
)
def test_a_contradiction_is_refused_with_its_cure(changes: dict[str, object], said: str):
    with pytest.raises(ConfigurationError, match="stage 'dev'") as raised:
        dataclasses.replace(STAGES["dev"], **changes)
    assert said in str(raised.value)


def test_all_contradictions_are_told_at_once():
    with pytest.raises(ConfigurationError) as raised:
        Stage(
            name="odd",
            database=ExternalDatabase(secret_name="name"),
            network=None,
            agent_shards=0,
            agent_roots=(),
        )
    assert "agent_shards" in str(raised.value)
    assert "agent_roots" in str(raised.value)


@pytest.mark.parametrize("days", [44, 4000])
def test_rows_are_kept_for_longer_than_their_job_ids(days: int):
    with pytest.raises(ConfigurationError, match=f"keep_days is {days}; use 45 to 3650"):
        dataclasses.replace(STAGES["dev"], keep_days=days)


def test_times_that_do_not_go_together_are_refused():
    with pytest.raises(
        ConfigurationError, match="stale_after is 60; use more than twice the heartbeat, 60"
    ):
        FleetSettings(stale_after=60)
    with pytest.raises(ConfigurationError, match="leader_ttl is 0; use more than 0"):
        FleetSettings(leader_ttl=0)
