"""What the stacks write into an environment is what the runtime reads, in both directions."""

from __future__ import annotations

import json

from muster.contracts import (
    AgentEnvironment,
    ApiEnvironment,
    CallingEnvironment,
    DatabaseEnvironment,
    DispatcherEnvironment,
    Environment,
    RegisterEnvironment,
)
from tests.infra.synthesis import Resource, Synthesis

CONTRACTS: dict[str, type[DatabaseEnvironment]] = {
    "lambdas.agents.handler.handler": AgentEnvironment,
    "lambdas.scheduler.handler.handler": DispatcherEnvironment,
    "lambdas.register.handler.handler": RegisterEnvironment,
    "lambdas.api.handler.handler": ApiEnvironment,
}


def variables(function: Resource) -> dict[str, object]:
    return function.properties["Environment"]["Variables"]


def own(contract: type[Environment]) -> set[str]:
    return {contract.variable(name) for name in contract.__dataclass_fields__}


def test_every_function_gets_exactly_its_contract(each: Synthesis):
    for function in each.functions():
        contract = CONTRACTS[function.properties["Handler"]]
        expected = own(contract)
        given = {n for n in variables(function) if n.startswith("MUSTER_") or n in expected}
        assert given == expected, function.path


def test_the_handlers_of_a_stage_are_those_with_a_contract(each: Synthesis):
    assert {f.properties["Handler"] for f in each.functions()} == set(CONTRACTS)


def test_an_agent_is_told_who_it_is_and_what_its_manifest_sets(each: Synthesis):
    for manifest in each.manifests:
        found = each.variables(manifest.id)
        assert found["MUSTER_AGENT_ID"] == manifest.id
        assert found["MUSTER_STAGE"] == each.stage.name
        assert str(found["MUSTER_AGENT_FOLDER"]).endswith(str(manifest.folder.name))  # type: ignore[union-attr]  # all have one
        assert {name: found[name] for name in manifest.env} == dict(manifest.env)


def test_an_agent_is_told_whom_its_stage_lets_it_call(each: Synthesis):
    for manifest in each.manifests:
        found = each.variables(manifest.id)
        assert found["ALLOW_EXTERNAL_REQUESTS"] == "no"
        assert json.loads(str(found["MUSTER_OUTBOUND"])) == {
            "addresses": list(each.stage.outbound.addresses),
            "ports": list(each.stage.outbound.ports),
        }


def test_the_dispatcher_is_told_whom_it_may_ask_as_agents_are(each: Synthesis):
    (dispatcher,) = (
        variables(f) for f in each.functions() if "scheduler" in f.properties["Handler"]
    )
    agent = each.variables(each.manifests[0].id)
    for name in own(CallingEnvironment) - own(DatabaseEnvironment):
        assert dispatcher[name] == agent[name]


def test_no_function_carries_anything_secret(each: Synthesis):
    for function in each.functions():
        for name, value in variables(function).items():
            if "SECRET" in name or "PASSWORD" in name:
                known = ("muster/local/database", f"muster/{each.stage.name}/database/")
                assert isinstance(value, dict) or value.startswith(known), name


def test_tls_is_verified_wherever_the_database_is_ours(cloud: Synthesis):
    for function in cloud.functions():
        assert variables(function)["MUSTER_DATABASE_TLS"] == "verify-full"
