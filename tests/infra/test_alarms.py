"""Whoever should know is told once, of what hurts, and what to read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from muster.contracts import METRICS_NAMESPACE, MetricName
from tests.infra.synthesis import ROOT, Resource, Synthesis, asks_for_all, long_jobs


def alarms(synthesis: Synthesis) -> list[Resource]:
    """Alarms that somebody is told of; the others set the number of tasks."""
    every = synthesis.resources("AWS::CloudWatch::Alarm")
    return [alarm for alarm in every if "/Scaling/" not in alarm.path]


def series_of(alarm: Resource) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Namespace, name and dimensions of each metric that an alarm looks at."""
    properties = alarm.properties
    metrics = [
        m["MetricStat"]["Metric"] for m in properties.get("Metrics", []) if "MetricStat" in m
    ]
    for metric in metrics or [properties]:
        dimensions = {d["Name"]: d["Value"] for d in metric.get("Dimensions", [])}
        yield metric["Namespace"], metric["MetricName"], dimensions


def test_every_alarm_says_who_what_and_where_to_read_on(each: Synthesis):
    found = alarms(each)
    assert found
    for alarm in [*found, *each.resources("AWS::CloudWatch::CompositeAlarm")]:
        said, _, runbooks = alarm.properties["AlarmDescription"].partition(" Runbook: ")
        assert said.endswith((".", "of what."))
        for runbook in runbooks.split(", "):
            assert (ROOT / runbook).is_file(), runbook
            assert runbook.startswith("docs/runbooks/")


def test_the_guide_names_every_alarm_and_no_other(cloud: Synthesis):
    guide = (ROOT / "docs/guides/alarms.md").read_text("utf-8")
    told = {
        name
        for cell in re.findall(r"^\| (`.+?`) \|", guide, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", cell)
    }
    assert told == {alarm.path.split("/Alarms/")[1] for alarm in alarms(cloud)}


def test_every_alarm_says_what_silence_means(each: Synthesis):
    for alarm in alarms(each):
        silence = alarm.properties["TreatMissingData"]
        hurts = alarm.properties.get("MetricName") == MetricName.TICK
        assert silence == ("breaching" if hurts else "notBreaching"), alarm.path


def test_one_fault_is_one_notification(cloud: Synthesis):
    # Given every alarm, and the composites with their topic
    children: dict[str, list[str]] = {}
    for composite in cloud.resources("AWS::CloudWatch::CompositeAlarm"):
        properties = composite.properties
        assert properties["AlarmActions"] == properties["OKActions"]
        assert len(properties["AlarmActions"]) == 1
        topic = "Pages" if composite.path.endswith("/Page") else "Tickets"
        assert topic in str(properties["AlarmActions"])
        for name in re.findall(r"'Ref': '(\w+)'", str(properties["AlarmRule"])):
            children.setdefault(f"{composite.stack}/{name}", []).append(composite.id)
    for alarm in alarms(cloud):
        # Then none of them notifies by itself, and each is a child of exactly one that does
        assert "AlarmActions" not in alarm.properties
        assert len(children.pop(f"{alarm.stack}/{alarm.id}")) == 1, alarm.path
    assert children == {}


def test_a_composite_is_within_cloudwatch_s_limits(cloud: Synthesis):
    for composite in cloud.resources("AWS::CloudWatch::CompositeAlarm"):
        rule = str(composite.properties["AlarmRule"])
        assert rule.count("'Ref'") <= 100
        assert len(rule) < 10_240


def test_who_is_paged_for_the_dispatcher_is_not_paged_for_every_agent(cloud: Synthesis):
    stage = cloud.stage.name
    pages = {
        composite.properties.get("AlarmName"): composite
        for composite in cloud.resources("AWS::CloudWatch::CompositeAlarm")
    }
    for composite in cloud.resources("AWS::CloudWatch::CompositeAlarm"):
        suppressor = composite.properties.get("ActionsSuppressor")
        expected = {
            "database": None,
            "dispatcher": f"muster-{stage}-database-page",
        }.get(composite.stack, f"muster-{stage}-dispatcher-page")
        assert suppressor == expected
        # What it names is there
        assert suppressor is None or suppressor in pages


def test_every_dead_letter_queue_has_an_alarm(each: Synthesis):
    queues = {
        q.id
        for q in each.resources("AWS::SQS::Queue")
        if "RedrivePolicy" not in q.properties and q.stack != "cluster"
    }
    watched = {
        a.properties["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for a in alarms(each)
        if a.properties.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        and (a.properties["Threshold"], a.properties["EvaluationPeriods"]) == (1, 1)
    }
    assert watched == queues


def test_fault_30_dead_letters_outlive_the_messages_of_their_sources(each: Synthesis):
    days = {q.id: q.properties for q in each.resources("AWS::SQS::Queue")}
    sources = [q for q in days.values() if "RedrivePolicy" in q]
    assert sources
    for source in sources:
        target = days[source["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert target["MessageRetentionPeriod"] == 14 * 86_400
        assert target["MessageRetentionPeriod"] > source["MessageRetentionPeriod"]


def test_an_agent_s_alarms_follow_its_manifest(cloud: Synthesis):
    for manifest in cloud.manifests:
        mine = {
            a.path.split("/Alarms/")[1]: a.properties
            for a in cloud.of_agent(manifest.id, "AWS::CloudWatch::Alarm")
            if "/Alarms/" in a.path
        }
        assert {"dead-letters", "backlog", "stuck-jobs", "failure-rate"} <= set(mine)
        timeout = manifest.timeout.total_seconds()
        assert mine["stuck-jobs"]["Threshold"] == 3600 + 2 * timeout
        assert mine["backlog"]["Threshold"] == 1800 + timeout
        if manifest.compute == "lambda":
            killed = 1000 * manifest.function_timeout.total_seconds()
            assert mine["function-duration"]["Threshold"] == pytest.approx(0.8 * killed)
            assert {"function-errors", "function-throttles"} <= set(mine)
        else:
            assert {"unserved", "too-few-listeners", "tasks-do-not-start"} <= set(mine)


def test_every_lane_is_in_the_alarm_of_the_backlog(cloud: Synthesis):
    for manifest in cloud.manifests:
        (found,) = (
            a.properties
            for a in cloud.of_agent(manifest.id, "AWS::CloudWatch::Alarm")
            if a.path.endswith("/Alarms/backlog")
        )
        assert str(found).count("ApproximateAgeOfOldestMessage") == len(manifest.queue.lanes)


def test_what_aws_itself_measures_is_asked_for_as_aws_names_it(cloud: Synthesis):
    # Given the names that the CDK's own constructs give
    import aws_cdk
    from aws_cdk import aws_apigatewayv2 as apigateway
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_rds as rds
    from aws_cdk import aws_sqs as sqs

    stack = aws_cdk.Stack()
    function = lambda_.Function.from_function_name(stack, "Function", "name")
    queue = sqs.Queue(stack, "Queue")
    api = apigateway.HttpApi(stack, "Api")
    instance = rds.DatabaseInstance.from_database_instance_attributes(
        stack,
        "Instance",
        instance_identifier="name",
        instance_endpoint_address="host",
        port=5432,
        security_groups=[],
    )
    known = {
        (metric.namespace, metric.metric_name, *sorted(metric.dimensions or {}))
        for metric in (
            function.metric_errors(),
            function.metric_throttles(),
            function.metric_duration(),
            function.metric("ConcurrentExecutions"),
            lambda_.Function.metric_all_concurrent_executions(),
            queue.metric_approximate_age_of_oldest_message(),
            queue.metric_approximate_number_of_messages_visible(),
            api.metric_server_error(),
            api.metric_latency(),
            instance.metric_cpu_utilization(),
            instance.metric_database_connections(),
            instance.metric_free_storage_space(),
            instance.metric_freeable_memory(),
        )
    }
    # When every alarm is looked at / Then each refers to one of them, or to Muster's own
    asked = {
        (namespace, name, *sorted(dimensions))
        for alarm in alarms(cloud)
        for namespace, name, dimensions in series_of(alarm)
        if namespace != METRICS_NAMESPACE
    }
    assert asked == known


def test_what_the_platform_lacks_is_taken_out_and_nothing_else(
    synthesised: Callable[[str], Synthesis], cloud: Synthesis
):
    # Given the local stage, whose emulator knows no composite alarms and no formulas
    local = synthesised("local")
    # Then its alarms are those of a cloud stage that look at one metric
    assert local.resources("AWS::CloudWatch::CompositeAlarm") == []
    for manifest in asks_for_all(), long_jobs():
        found, whole = (
            {
                a.path.split("/Alarms/")[1]
                for a in s.of_agent(manifest.id, "AWS::CloudWatch::Alarm")
                if "/Alarms/" in a.path and "Metrics" not in a.properties
            }
            for s in (local, cloud)
        )
        assert found == whole
        assert "stuck-jobs" in found
    assert all("Metrics" not in a.properties for a in alarms(local))
    # And the stages of the cloud keep all
    assert cloud.stage.lacks == frozenset()
