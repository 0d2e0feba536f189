"""Rules of our own for templates, where the packs have none; each is shown to find what it is for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cloudformation_validate import (
    CompositeEngine,
    CompositeEngineConfig,
    file_to_external_rule_source,
)

from tests.infra.synthesis import Synthesis

RULES = Path(__file__).parent / "rules"

SECRET_NAME = "muster/dev/database"
SECRET_ARN = {"Ref": "Secret"}


@pytest.fixture(scope="session")
def engine() -> CompositeEngine:
    return CompositeEngine(
        CompositeEngineConfig(
            guard_rules=[file_to_external_rule_source(p) for p in sorted(RULES.glob("*.guard"))],
            rego_rules=[file_to_external_rule_source(p) for p in sorted(RULES.glob("*.rego"))],
        )
    )


def findings(engine: CompositeEngine, template: bytes) -> set[str]:
    """Ids of our own rules that refuse a template: they are words, where those of the engine are numbers."""
    found = {finding.rule_id for finding in engine.validate_template(template).diagnostics}
    return {rule for rule in found if "_" in rule}


def function(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


def told(**variables: Any) -> dict[str, Any]:
    """A function with these variables."""
    return {"F": function(Environment={"Variables": variables})}


def contained(name: str, value: Any) -> dict[str, Any]:
    """A container with that variable."""
    container = {"Name": "c", "Environment": [{"Name": name, "Value": value}]}
    return {
        "D": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {"ContainerDefinitions": [container]},
        }
    }


def consuming(
    *, visibility: int | None, timeout: int | None, partial: bool = True
) -> dict[str, Any]:
    """A function behind a queue."""
    return {
        "Q": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"VisibilityTimeout": visibility} if visibility else {},
        },
        "F": function(**({"Timeout": timeout} if timeout else {})),
        "S": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Q", "Arn"]},
                "FunctionName": {"Ref": "F"},
                **({"FunctionResponseTypes": ["ReportBatchItemFailures"]} if partial else {}),
            },
        },
    }


def let_in(**properties: Any) -> dict[str, Any]:
    return {"P": {"Type": "AWS::Lambda::Permission", "Properties": properties}}


def url(auth: str) -> dict[str, Any]:
    return {"U": {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": auth}}}


BAD = [
    ("PLAIN_SECRET_IN_ENVIRONMENT", told(DB_PASSWORD="hunter2")),
    ("PLAIN_SECRET_IN_ENVIRONMENT", told(Feed_Token="a1b2c3")),
    ("PLAIN_SECRET_IN_ENVIRONMENT", contained("API_KEY", "a1b2c3")),
    ("CREDENTIAL_IN_VARIABLE", told(DATABASE_URL="postgresql://muster:hunter2@db/muster")),
    ("CREDENTIAL_IN_VARIABLE", told(NOTE="key AKIAIOSFODNN7EXAMPLE")),
    ("CREDENTIAL_IN_VARIABLE", contained("CACHE", "redis://:x:hunter2@cache/0")),
    ("URL_WITHOUT_AUTHENTICATION", url("NONE")),
    ("FUNCTION_OPEN_TO_EVERYBODY", let_in(Principal="*", SourceArn="arn:aws:sns:x")),
    ("FUNCTION_OPEN_TO_EVERYBODY", let_in(Principal="sns.amazonaws.com")),
    ("NO_PARTIAL_BATCH_RESPONSE", consuming(visibility=60, timeout=10, partial=False)),
    ("VISIBILITY_BELOW_SIX_TIMEOUTS", consuming(visibility=59, timeout=10)),
    ("VISIBILITY_BELOW_SIX_TIMEOUTS", consuming(visibility=None, timeout=6)),
]  # fmt: skip

GOOD = [
    told(DB_PASSWORD=SECRET_ARN, MUSTER_DATABASE_SECRET=SECRET_NAME),
    told(DB_PASSWORD="{{resolve:secretsmanager:muster/dev/database:SecretString:password}}"),
    told(FEED="https://example.com/feed?user=a:b", NAMES='{"https": "a@b"}'),
    contained("API_KEY", SECRET_ARN),
    url("AWS_IAM"),
    let_in(Principal="sns.amazonaws.com", SourceArn={"Ref": "Topic"}),
    consuming(visibility=60, timeout=10),
    consuming(visibility=None, timeout=None),
]


def template_of(resources: Mapping[str, Any]) -> bytes:
    return json.dumps({"Resources": resources}).encode()


@pytest.mark.parametrize(("rule", "resources"), BAD)
def test_a_rule_finds_what_it_is_for(
    engine: CompositeEngine, rule: str, resources: Mapping[str, Any]
):
    assert findings(engine, template_of(resources)) == {rule}


@pytest.mark.parametrize("resources", GOOD)
def test_what_is_right_passes(engine: CompositeEngine, resources: Mapping[str, Any]):
    assert findings(engine, template_of(resources)) == set()


def test_our_templates_pass_every_rule(engine: CompositeEngine, each: Synthesis):
    found = {file.name: findings(engine, file.read_bytes()) for file in each.template_files}
    assert {name: rules for name, rules in found.items() if rules} == {}
    # That is not because the rules had nothing to look at.
    assert each.resources("AWS::Lambda::EventSourceMapping")
    assert each.resources("AWS::Lambda::Permission")
