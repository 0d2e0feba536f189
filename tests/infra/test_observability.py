"""Whoever should know is told; what is logged is forgotten in time."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from muster.contracts import MetricName
from stacks.config import STAGES
from tests.infra.synthesis import Synthesis, agent, synthesise


def test_alarms_may_publish_and_nobody_may_without_tls(each: Synthesis):
    policies = each.resources("AWS::SNS::TopicPolicy")
    assert len(policies) == len(each.resources("AWS::SNS::Topic")) == 2
    for policy in policies:
        statements = policy.properties["PolicyDocument"]["Statement"]
        effects = {(s["Effect"], str(s.get("Principal"))) for s in statements}
        assert ("Allow", "{'Service': 'cloudwatch.amazonaws.com'}") in effects
        assert any(
            s["Effect"] == "Deny" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for s in statements
        )


def test_the_address_of_the_stage_is_subscribed(tmp_path: Path):
    stage = dataclasses.replace(STAGES["local"], alerts_email="ops@example.com")
    found = synthesise(stage, [agent("one")], tmp_path)
    subscriptions = [s.properties for s in found.resources("AWS::SNS::Subscription")]
    assert [(s["Protocol"], s["Endpoint"]) for s in subscriptions] == [
        ("email", "ops@example.com")
    ] * 2
    assert {str(s["TopicArn"])[9:13] for s in subscriptions} == {"Page", "Tick"}


def test_without_an_address_nobody_is_subscribed(each: Synthesis):
    assert each.stage.alerts_email is None
    assert each.resources("AWS::SNS::Subscription") == []


def test_the_dashboard_shows_every_metric_that_muster_emits(each: Synthesis):
    body = json.dumps(
        each.one("AWS::CloudWatch::Dashboard", "observability").properties["DashboardBody"]
    )
    names = {v for k, v in vars(MetricName).items() if k.isupper()}
    missing = {name for name in names if f'MetricName=\\\\\\"{name}\\\\\\"' not in body}
    assert missing == set()
    assert f'stage=\\\\\\"{each.stage.name}\\\\\\"' in body


def test_every_log_group_forgets(each: Synthesis):
    groups = each.resources("AWS::Logs::LogGroup")
    days = {group.properties["RetentionInDays"] for group in groups}
    assert days == {each.stage.log_retention_days}
    logging = {str(f.properties["LoggingConfig"]["LogGroup"]) for f in all_functions(each)}
    assert len(logging) == len(all_functions(each))


def all_functions(synthesis: Synthesis) -> list[Any]:
    return synthesis.resources("AWS::Lambda::Function")


def test_muster_s_functions_log_json(each: Synthesis):
    formats = {f.properties["LoggingConfig"].get("LogFormat") for f in each.functions()}
    assert formats == {"JSON"}


def test_everything_carries_the_tags(each: Synthesis):
    for function in each.functions():
        tags = {t["Key"]: t["Value"] for t in function.properties["Tags"]}
        assert tags["Project"] == "muster"
        assert tags["Stage"] == each.stage.name
        assert tags["ManagedBy"] == "cdk"


def test_an_agent_s_resources_carry_its_cost_tags(each: Synthesis):
    for type_ in ("AWS::SQS::Queue", "AWS::Lambda::Function", "AWS::Logs::LogGroup"):
        for resource in each.of_agent("asks-for-all", type_):
            tags = {t["Key"]: t["Value"] for t in resource.properties["Tags"]}
            assert tags["CostCenter"] == "newsroom"
            assert tags["Agent"] == "asks-for-all"
