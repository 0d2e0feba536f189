"""Two hundred agents synthesise, in stacks that CloudFormation takes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from muster.errors import ConfigurationError
from stacks.config import STAGES
from stacks.database_settings import InstanceDatabase
from tests.infra.synthesis import Synthesis, agent, synthesise

AGENTS = 200
#: CloudFormation's limit of a template, in bytes.
MAX_TEMPLATE = 1_000_000
#: Its limits of what else a template has.
MAX_OF_OTHERS = {"Outputs": 200, "Parameters": 200, "Mappings": 200}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The cloud stage with a database that is large enough, and 200 agents."""
    stage = dataclasses.replace(
        STAGES["dev"], database=InstanceDatabase(instance_class="m7g.xlarge")
    )
    agents = [agent(f"agent-{number:03}", egress="none") for number in range(AGENTS)]
    return synthesise(
        stage, agents, tmp_path_factory.mktemp("many"), checked=False, validated=False
    )


def test_every_agent_is_deployed_once(many: Synthesis):
    functions = [f for f in many.functions() if f.stack.startswith("agents")]
    ids = [f.properties["Environment"]["Variables"]["MUSTER_AGENT_ID"] for f in functions]
    assert len(ids) == AGENTS
    assert set(ids) == {m.id for m in many.manifests}


def test_every_stack_is_within_cloudformation_s_limits(many: Synthesis):
    from stacks.agents import MAX_RESOURCES

    for stack, template in many.templates.items():
        assert len(template["Resources"]) <= MAX_RESOURCES, stack
        for section, most in MAX_OF_OTHERS.items():
            assert len(template.get(section, {})) <= most, (stack, section)
        size = (many.folder / f"muster-dev-{stack}.template.json").stat().st_size
        assert size < MAX_TEMPLATE, stack


def test_no_agent_brings_an_asset_of_its_own(many: Synthesis):
    code = {f.properties["Code"]["S3Key"] for f in many.functions()}
    layers = {
        layer.properties["Content"]["S3Key"]
        for layer in many.resources("AWS::Lambda::LayerVersion")
    }
    assert len(code) == 1
    assert len(layers) == 2  # the shared one, and document-profile's, whose folder all of them have


def test_the_dispatcher_s_policies_do_not_grow(many: Synthesis):
    for policy in many.resources("AWS::IAM::Policy", "dispatcher"):
        assert len(str(policy.properties)) < 2_000


def test_too_many_agents_for_their_stacks_is_an_error_that_names_the_setting(tmp_path: Path):
    # Given one shard for more agents than a stack holds
    stage = dataclasses.replace(
        STAGES["local"],
        database=dataclasses.replace(STAGES["local"].database, max_connections=1000),
    )
    agents = [agent(f"agent-{number}") for number in range(30)]
    # When they are composed
    with pytest.raises(ConfigurationError) as raised:
        synthesise(stage, agents, tmp_path)
    # Then the message says what to change
    assert "CloudFormation takes 500; raise agent_shards (now 1)" in str(raised.value)


def test_too_many_connections_stop_the_synth(tmp_path: Path):
    agents = [agent(f"agent-{number}", concurrency=50) for number in range(5)]
    with pytest.raises(ConfigurationError, match="max_connections is 200"):
        synthesise(STAGES["dev"], agents, tmp_path)
