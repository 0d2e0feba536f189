"""What the workflows of a repository may do in an account, and whose token is taken for theirs."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from muster.errors import ConfigurationError
from stacks.config import STAGES, stage_named
from stacks.repository import Repository
from tests.infra.synthesis import Resource, Synthesis, synthesise

OURS = "acme@1001/agents@2002"
#: Claims of tokens, and which environment's role takes them: `Deploy`, `Diff` or none.
CLAIMS = Path(__file__).parents[1] / "events" / "pipeline" / "claims.csv"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    stage = replace(STAGES["prod"], repository=Repository.parse(OURS))
    return synthesise(stage, [], tmp_path_factory.mktemp("pipeline"))


def _role(pipeline: Synthesis, name: str) -> Resource:
    (role,) = (r for r in pipeline.resources("AWS::IAM::Role", "pipeline") if name in r.id)
    return role


def _takes(role: Resource, *, audience: str, subject: str) -> bool:
    (statement,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert list(statement["Condition"]) == ["StringEquals"], "nothing is matched by a pattern"
    claims = {"aud": audience, "sub": subject}
    wanted = statement["Condition"]["StringEquals"]
    assert {key.rpartition(":")[2] for key in wanted} == set(claims)
    return all(claims[key.rpartition(":")[2]] in _listed(value) for key, value in wanted.items())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@cache
def _claims() -> list[dict[str, str]]:
    with CLAIMS.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("claim", _claims(), ids=lambda claim: claim["sub"])
def test_a_token_is_taken_for_the_repository_and_environment_alone(
    pipeline: Synthesis, claim: dict[str, str]
):
    taken = [
        name
        for name in ("Deploy", "Diff")
        if _takes(_role(pipeline, name), audience=claim["aud"], subject=claim["sub"])
    ]
    assert taken == ([claim["role"]] if claim["role"] else [])


def _statements(pipeline: Synthesis, name: str) -> list[dict[str, Any]]:
    (policy,) = (p for p in pipeline.resources("AWS::IAM::Policy", "pipeline") if name in p.id)
    return policy.properties["PolicyDocument"]["Statement"]


def test_who_deploys_can_only_become_the_roles_of_the_bootstrap(pipeline: Synthesis):
    (statement,) = _statements(pipeline, "Deploy")
    assert statement["Action"] == "sts:AssumeRole"
    assert all("role/cdk-hnb659fds-" in str(resource) for resource in statement["Resource"])
    assert "*" not in str(statement["Resource"])


def test_who_compares_cannot_change_a_stack(pipeline: Synthesis):
    actions = {
        action
        for statement in _statements(pipeline, "Diff")
        for action in _listed(statement["Action"])
    }
    assert "cloudformation:CreateChangeSet" in actions
    assert not actions & {
        "cloudformation:ExecuteChangeSet",
        "cloudformation:CreateStack",
        "cloudformation:UpdateStack",
        "cloudformation:DeleteStack",
    }
    (assumed,) = (s for s in _statements(pipeline, "Diff") if s["Action"] == "sts:AssumeRole")
    assert "deploy-role" not in str(assumed["Resource"])
    (passed,) = (s for s in _statements(pipeline, "Diff") if s["Action"] == "iam:PassRole")
    assert passed["Condition"]["StringEquals"] == {
        "iam:PassedToService": "cloudformation.amazonaws.com"
    }


def test_nothing_is_found_in_its_template(pipeline: Synthesis):
    found = [v for p in pipeline.report()["pluginReports"] for v in p["violations"]]
    assert found == []


def test_a_second_stage_of_an_account_uses_the_provider_of_the_first(
    tmp_path_factory: pytest.TempPathFactory,
):
    repository = replace(Repository.parse(OURS), provider_exists=True)
    stage = replace(STAGES["dev"], repository=repository)
    second = synthesise(
        stage, [], tmp_path_factory.mktemp("second"), checked=False, validated=False
    )
    assert second.resources("AWS::IAM::OIDCProvider") == []


def test_no_stage_lets_a_repository_in_unless_it_is_told_to():
    assert [stage.name for stage in STAGES.values() if stage.repository] == []
    assert stage_named("dev", repository=OURS).repository == Repository(
        owner="acme", owner_id="1001", name="agents", id="2002"
    )


@pytest.mark.parametrize("text", ["acme/agents", "acme@1001/agents", "acme@x/agents@1", "*", ""])
def test_a_repository_without_its_ids_is_refused_with_the_cure(text: str):
    with pytest.raises(ConfigurationError, match="gh api repos/OWNER/NAME"):
        stage_named("dev", repository=text)
