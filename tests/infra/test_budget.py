"""S8: a stage has a monthly limit, and somebody is told before it is reached."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from muster.errors import ConfigurationError
from stacks.budget_settings import BudgetSettings, IntakeSettings
from stacks.config import STAGES
from tests.infra.synthesis import Synthesis, synthesise

BUDGET = "AWS::Budgets::Budget"


def test_tickets_are_told_at_80_percent_spent_and_at_100_percent_forecast(cloud: Synthesis):
    budget = cloud.one(BUDGET).properties
    told = {
        (n["Notification"]["NotificationType"], n["Notification"]["Threshold"])
        for n in budget["NotificationsWithSubscribers"]
    }
    assert told == {("ACTUAL", 80), ("FORECASTED", 100)}
    subscribers = [s for n in budget["NotificationsWithSubscribers"] for s in n["Subscribers"]]
    assert {s["SubscriptionType"] for s in subscribers} == {"SNS"}
    assert {s["Address"]["Ref"][:7] for s in subscribers} == {"Tickets"}


def test_it_counts_what_carries_the_stage_s_tag_each_month(cloud: Synthesis):
    budget = cloud.one(BUDGET).properties["Budget"]
    assert budget["CostFilters"] == {"TagKeyValue": [f"user:Stage${cloud.stage.name}"]}
    assert budget["TimeUnit"] == "MONTHLY"
    assert cloud.stage.budget is not None
    assert budget["BudgetLimit"] == {"Amount": cloud.stage.budget.monthly_usd, "Unit": "USD"}


def test_budgets_of_this_account_alone_may_publish_before_there_is_one(cloud: Synthesis):
    # Given the policies of topics that let AWS Budgets in
    policies = {
        policy.id: statement
        for policy in cloud.resources("AWS::SNS::TopicPolicy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "Budget"
    }
    # Then there is one, for this account's budgets, and the budget waits for it
    [(policy, statement)] = policies.items()
    assert statement["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}
    }
    assert "budgets::" in str(statement["Condition"]["ArnLike"]["aws:SourceArn"])
    assert policy in cloud.one(BUDGET).body["DependsOn"]


def test_a_stage_may_count_the_whole_account_or_nothing(tmp_path: Path):
    stage = dataclasses.replace(
        STAGES["local"], budget=BudgetSettings(monthly_usd=9, whole_account=True)
    )
    found = synthesise(stage, [], tmp_path, checked=False)
    assert "CostFilters" not in found.one(BUDGET).properties["Budget"]


def test_a_stage_without_a_limit_has_no_budget(each: Synthesis):
    assert len(each.resources(BUDGET)) == (each.stage.budget is not None)


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(ConfigurationError, match="use 1 or more, or `budget=None`"):
        BudgetSettings(monthly_usd=0)


def test_the_dispatcher_alone_is_told_from_what_metered_cost_on_intake_stops(tmp_path: Path):
    # Given a stage with such a limit
    settings = IntakeSettings(monthly_usd=12.5, million_input_tokens=3)
    stage = dataclasses.replace(STAGES["local"], intake=settings)
    found = synthesise(stage, [], tmp_path, checked=False)
    # Then its dispatcher reads what the stage says, and no other function is told
    told = [
        function.properties["Environment"]["Variables"]["MUSTER_INTAKE_LIMIT"]
        for function in found.functions()
        if "MUSTER_INTAKE_LIMIT" in function.properties["Environment"]["Variables"]
    ]
    assert told == [settings.to_json(stage.architecture)]


def test_no_stage_stops_intake_unless_it_says_so(each: Synthesis):
    [dispatcher] = [f for f in each.functions() if "scheduler" in f.properties["Handler"]]
    assert each.stage.intake is None
    assert dispatcher.properties["Environment"]["Variables"]["MUSTER_INTAKE_LIMIT"] == ""
