"""The values of a service's scaling, and that the template holds just these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.manifest import Queue
from stacks.scaling import HOLD, IDLE, MAX_STEPS, Scaling, Step, most_tasks
from tests.infra.synthesis import Synthesis, long_jobs


@given(st.integers(1, 2000), st.integers(1, 10), st.integers(0, 30_000))
def test_capacity_is_what_is_wanted_rounded_up_by_few_steps(most: int, jobs: int, demand: int):
    scaling = Scaling(jobs_per_task=jobs, most_tasks=most)
    wanted = scaling.wanted(demand)
    capacity = scaling.capacity(wanted)
    assert min(wanted, most) <= capacity <= most
    assert (capacity == 0) == (demand == 0)
    assert len(scaling.steps) <= MAX_STEPS
    if wanted <= most <= MAX_STEPS:
        assert capacity == wanted


@pytest.mark.parametrize(
    ("concurrency", "batch", "most"), [(1, 10, 1), (7, 2, 3), (20, 10, 2), (1000, 1, 1000)]
)
def test_tasks_never_run_more_than_the_manifests_concurrency(
    concurrency: int, batch: int, most: int
):
    manifest = long_jobs(concurrency=concurrency, queue=Queue(batch=batch))
    assert most_tasks(manifest) == most
    assert most * manifest.jobs_per_task <= concurrency


def deployed(synthesis: Synthesis, agent_id: str) -> tuple[Scaling, tuple[Step, ...]]:
    """The scaling that a template describes, and the steps of its policy."""
    (target,) = synthesis.of_agent(agent_id, "AWS::ApplicationAutoScaling::ScalableTarget")
    demand, idle = (alarm(synthesis, agent_id, name) for name in ("Demand", "Idle"))
    (expression,) = (m["Expression"] for m in demand["Metrics"] if "Expression" in m)
    scaling = Scaling(
        jobs_per_task=int(expression.removeprefix("CEIL(demand / ").removesuffix(")")),
        most_tasks=target.properties["MaxCapacity"],
        hold_seconds=period(demand),
        idle_seconds=period(idle),
    )
    adjustments = policy(synthesis, agent_id, "Follow")["StepAdjustments"]
    steps = tuple(
        Step(
            above=a["MetricIntervalLowerBound"],
            below=a.get("MetricIntervalUpperBound"),
            capacity=a["ScalingAdjustment"],
        )
        for a in adjustments
    )
    return scaling, steps


def alarm(synthesis: Synthesis, agent_id: str, name: str) -> Mapping[str, Any]:
    (found,) = (
        a
        for a in synthesis.of_agent(agent_id, "AWS::CloudWatch::Alarm")
        if f"/Scaling/{name}/" in a.path
    )
    return found.properties


def policy(synthesis: Synthesis, agent_id: str, name: str) -> Mapping[str, Any]:
    (found,) = (
        p
        for p in synthesis.of_agent(agent_id, "AWS::ApplicationAutoScaling::ScalingPolicy")
        if f"/Scaling/{name}/" in p.path
    )
    return found.properties["StepScalingPolicyConfiguration"]


def period(found: Mapping[str, Any]) -> int:
    (stat,) = (m["MetricStat"] for m in found["Metrics"] if "MetricStat" in m)
    return stat["Period"]


def test_what_is_simulated_is_what_is_deployed(cloud: Synthesis):
    for manifest in cloud.on_fargate:
        expected = Scaling(jobs_per_task=manifest.jobs_per_task, most_tasks=most_tasks(manifest))
        scaling, steps = deployed(cloud, manifest.id)
        assert scaling == expected
        assert (scaling.hold_seconds, scaling.idle_seconds) == (HOLD, IDLE)
        assert steps == expected.steps
        rest = policy(cloud, manifest.id, "Rest")
        assert rest["StepAdjustments"] == [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": 0}]
        for name in ("Follow", "Rest"):
            values = policy(cloud, manifest.id, name)
            assert (values["AdjustmentType"], values["Cooldown"]) == ("ExactCapacity", 0)


def test_the_alarms_look_at_the_dispatchers_own_measurement(cloud: Synthesis):
    for manifest in cloud.on_fargate:
        for name, comparison in (
            ("Demand", "GreaterThanOrEqualToThreshold"),
            ("Idle", "LessThanThreshold"),
        ):
            found = alarm(cloud, manifest.id, name)
            assert (found["Threshold"], found["EvaluationPeriods"]) == (1, 1)
            assert found["ComparisonOperator"] == comparison
            # Without measurements nothing changes
            assert found["TreatMissingData"] == "ignore"
            (stat,) = (m["MetricStat"] for m in found["Metrics"] if "MetricStat" in m)
            # Two ticks in a minute are not twice the demand
            assert stat["Stat"] == "Maximum"
            assert (stat["Metric"]["Namespace"], stat["Metric"]["MetricName"]) == (
                "Muster",
                "Demand",
            )
            assert {d["Name"]: d["Value"] for d in stat["Metric"]["Dimensions"]} == {
                "agent": manifest.id,
                "stage": cloud.stage.name,
            }


def test_the_service_is_scaled_from_zero_by_awss_own_role(cloud: Synthesis):
    for manifest in cloud.on_fargate:
        (target,) = cloud.of_agent(manifest.id, "AWS::ApplicationAutoScaling::ScalableTarget")
        assert target.properties["MinCapacity"] == 0
        assert "RoleARN" not in target.properties
        assert f"service/muster-{cloud.stage.name}/" in str(target.properties["ResourceId"])


def test_work_that_nobody_does_is_told(cloud: Synthesis):
    for manifest in cloud.on_fargate:
        for name in ("unserved", "too-few-listeners"):
            (found,) = (
                a.properties
                for a in cloud.of_agent(manifest.id, "AWS::CloudWatch::Alarm")
                if a.path.endswith(f"/Alarms/{name}")
            )
            assert found["EvaluationPeriods"] == 15
            assert found["AlarmDescription"].endswith("Runbook: docs/runbooks/listener.md")


def test_as_many_listeners_are_wanted_as_the_scaling_starts(cloud: Synthesis):
    for manifest in cloud.on_fargate:
        (found,) = (
            a.properties
            for a in cloud.of_agent(manifest.id, "AWS::CloudWatch::Alarm")
            if a.path.endswith("/Alarms/too-few-listeners")
        )
        (formula,) = (m["Expression"] for m in found["Metrics"] if "Expression" in m)
        wanted = f"MIN([CEIL(demand / {manifest.jobs_per_task}), {most_tasks(manifest)}])"
        assert formula == f"IF(FILL(listeners, 0) < {wanted}, 1, 0)"
