"""The schema is migrated before anything that needs it, and agents are registered after all they have."""

from __future__ import annotations

import json
from pathlib import Path

from muster.contracts import OutputKey, ResourceType
from muster.manifest import from_json, has_tables
from tests.infra.synthesis import ROOT, Synthesis
from tests.infra.test_permissions import listed


def dependencies(synthesis: Synthesis, stack: str) -> set[str]:
    """Nouns of the stacks that are deployed before a stack."""
    manifest = json.loads((synthesis.folder / "manifest.json").read_text())
    prefix = f"muster-{synthesis.stage.name}-"
    found: set[str] = set()
    queue = [f"{prefix}{stack}"]
    while queue:
        for name in manifest["artifacts"][queue.pop()].get("dependencies", []):
            if name.startswith(prefix) and "." not in name and name not in found:
                found.add(name)
                queue.append(name)
    return {name.removeprefix(prefix) for name in found}


def test_the_migration_comes_before_every_function_that_needs_the_schema(each: Synthesis):
    for stack in each.templates:
        if stack == "dispatcher" or stack.startswith("agents"):
            assert "registry" in dependencies(each, stack)
    assert not any(name.startswith("agents") for name in dependencies(each, "registry"))


def test_the_migration_changes_with_the_migrations(each: Synthesis, tmp_path: Path):
    from stacks.constructs.registration import migrations_digest
    from stacks.registry import MIGRATIONS

    # Given the digest that is deployed, of Muster's migrations and the agents'
    properties = each.one(ResourceType.MIGRATION).properties
    agents = [ROOT / folder for folder in properties["Folders"]]
    deployed = properties["Digest"]
    assert deployed == migrations_digest(MIGRATIONS, agents)
    # When a migration is added
    for file in MIGRATIONS.glob("*.sql"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert migrations_digest(tmp_path, agents) == deployed
    (tmp_path / "9999_more.sql").write_text("SELECT 1;")
    # Then it runs again
    assert migrations_digest(tmp_path, agents) != deployed


def test_the_migration_names_every_agent_with_tables_and_changes_with_theirs(
    each: Synthesis, tmp_path: Path
):
    from stacks.constructs.registration import migrations_digest
    from stacks.registry import MIGRATIONS

    # Given the agents whose folders hold migrations
    folders = each.one(ResourceType.MIGRATION).properties["Folders"]
    with_tables = {m.folder for m in each.manifests if has_tables(m)}
    assert {ROOT / folder for folder in folders} == with_tables
    # When an agent's migration changes
    (tmp_path / "keeper" / "migrations").mkdir(parents=True)
    file = tmp_path / "keeper" / "migrations" / "0001_items.sql"
    digests: list[str] = []
    for text in ("SELECT 1;", "SELECT 2;"):
        file.write_text(text)
        digests.append(migrations_digest(MIGRATIONS, [tmp_path / "keeper"]))
    # Then it runs again
    assert len({migrations_digest(MIGRATIONS), *digests}) == 3


def test_registration_waits_for_everything_else_of_its_stack(each: Synthesis):
    for registration in each.resources(ResourceType.REGISTRATION):
        others = {
            r.id
            for r in each.everything()
            if r.stack == registration.stack
            and any(f"/{manifest.id}/" in r.path for manifest in each.manifests)
        }
        assert bool(others) == bool(registration.properties["Agents"])
        assert others == set(registration.body.get("DependsOn", ()))


def test_registration_carries_the_manifests_their_digest_and_the_endpoints(each: Synthesis):
    registered: set[str] = set()
    for registration in each.resources(ResourceType.REGISTRATION):
        found = registration.properties
        assert found["Stack"] == f"muster-{each.stage.name}-{registration.stack}"
        name = str(found["Manifests"]["Key"])
        document = json.loads((each.folder / f"asset.{name}").read_text())
        manifests = [from_json(entry) for entry in document]
        assert {m.id for m in manifests} == set(found["Agents"])
        assert all(m in each.manifests for m in manifests)
        registered |= set(found["Agents"])
        for manifest in manifests:
            endpoint = found["Agents"][manifest.id]
            compute = {"function"} if manifest.compute == "lambda" else {"cluster", "service"}
            assert set(endpoint) == {"queues", "dlq", "log_group"} | compute
            assert set(endpoint["queues"]) == set(manifest.queue.lanes)
    assert registered == {m.id for m in each.manifests}


def test_custom_resources_end_long_before_cloudformation_would_give_up(each: Synthesis):
    (register,) = (f for f in each.functions() if "register" in f.properties["Handler"])
    for type_ in (ResourceType.MIGRATION, ResourceType.REGISTRATION):
        for resource in each.resources(type_):
            timeout = int(resource.properties["ServiceTimeout"])
            assert register.properties["Timeout"] < timeout <= 600


def test_each_agents_stack_tells_how_its_agents_are_reached(each: Synthesis):
    for registration in each.resources(ResourceType.REGISTRATION):
        told = each.templates[registration.stack]["Outputs"][OutputKey.AGENTS]["Value"]
        assert ("Fn::Join" in told) == bool(registration.properties["Agents"])


def test_a_stack_without_agents_registers_that_it_has_none(each: Synthesis):
    """Its last agent may have left it: the registration of none is what retires that one."""
    registrations = each.resources(ResourceType.REGISTRATION)
    assert len(registrations) == each.stage.agent_shards
    for registration in registrations:
        if not registration.properties["Agents"]:
            document = each.folder / f"asset.{registration.properties['Manifests']['Key']}"
            assert json.loads(document.read_text()) == []


def test_only_the_providers_own_function_may_invoke_what_answers_custom_resources(each: Synthesis):
    """Whoever else could would have it call the address that a request names."""
    # Given the function that registers, and CDK's, which forwards to it and answers CloudFormation
    (register,) = (f for f in each.functions() if "register" in f.properties["Handler"])
    (framework,) = (
        f
        for f in each.resources("AWS::Lambda::Function")
        if f.properties["Handler"].startswith("framework.")
    )
    # Then no resource policy lets anybody at either of them
    answering = (register.id, framework.id)
    permissions = each.resources("AWS::Lambda::Permission")
    assert permissions
    assert not [p.path for p in permissions if any(i in str(p.properties) for i in answering)]
    # And of all roles one may invoke the first, CDK's, and none the second
    invoking = [
        (policy, str(statement["Resource"]))
        for policy in each.resources("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "lambda:InvokeFunction" in listed(statement["Action"])
    ]
    [(policy, _)] = [(policy, what) for policy, what in invoking if register.id in what]
    role, _ = framework.properties["Role"]["Fn::GetAtt"]
    assert policy.properties["Roles"] == [{"Ref": role}]
    assert not [policy.path for policy, what in invoking if framework.id in what]
