"""Findings are errors; what is accepted is accepted on one resource, for a reason, and is really found."""

from __future__ import annotations

import pytest

from tests.infra.synthesis import Synthesis

#: What constructs of the CDK itself acknowledge: references to other stacks that its own check cannot follow.
BY_THE_CDK = {f"CloudFormation-Validate::{rule}" for rule in ("F3002", "F3003", "W3010")}


def recorded(synthesis: Synthesis) -> dict[tuple[str, str], str]:
    """Every acknowledgement of ours in the tree: (construct, finding) to reason."""
    from aws_cdk import Validations

    return {
        (path, id_): why
        for path, reasons in synthesis.metadata(Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        for id_, why in reasons.items()
        if id_ not in BY_THE_CDK
    }


def found_and_accepted(synthesis: Synthesis) -> set[tuple[str, str]]:
    return {
        (finding["acknowledgedAt"], finding["acknowledgedId"])
        for plugin in synthesis.report()["pluginReports"]
        for finding in plugin.get("suppressedViolations") or []
    }


def test_both_packs_and_the_template_validation_found_nothing_else(each: Synthesis):
    left = [
        (plugin["pluginName"], finding["ruleName"])
        for plugin in each.report()["pluginReports"]
        for finding in plugin["violations"]
    ]
    assert left == []
    assert {"AwsSolutions", "Serverless"} <= {
        plugin["pluginName"] for plugin in each.report()["pluginReports"]
    }


def test_every_acknowledgement_is_needed(each: Synthesis):
    # Given every acknowledgement and every finding that one of them holds back
    unneeded = set(recorded(each)) - found_and_accepted(each)
    # Then each holds one back: without it the synth would fail
    assert unneeded == set()
    assert len(recorded(each)) > 10


def test_every_acknowledgement_has_a_reason_and_sits_on_one_resource(each: Synthesis):
    from stacks.acknowledgement import MIN_REASON_CHARACTERS

    stacks = {child.node.path for child in each.app.node.children}
    assert stacks
    for (path, finding), reason in recorded(each).items():
        assert len(reason) >= MIN_REASON_CHARACTERS, (path, finding)
        assert path not in stacks | {""}, finding


def test_a_stack_cannot_be_acknowledged():
    from aws_cdk import App, Stack

    from stacks.acknowledgement import acknowledge

    stack = Stack(App(), "stack")
    with pytest.raises(TypeError, match="on one resource"):
        acknowledge(stack, SQS3="A reason that is long enough.")


def test_a_reason_must_say_something():
    from aws_cdk import App, Stack
    from aws_cdk import aws_sqs as sqs

    from stacks.acknowledgement import acknowledge

    queue = sqs.Queue(Stack(App(), "stack"), "queue")
    with pytest.raises(ValueError, match="a real reason"):
        acknowledge(queue, SQS3="because")
