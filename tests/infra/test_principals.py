"""A service that acts for us does so for our account only: no confused deputy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.infra.synthesis import Synthesis

#: Lambda assumes a function's role without a source that a trust policy could name; who may set a role on a
#: function is decided by iam:PassRole.
NOT_SUPPORTED = {("AWS::IAM::Role", "lambda.amazonaws.com")}


def statements(synthesis: Synthesis) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for resource in synthesis.everything():
        for key in ("PolicyDocument", "AssumeRolePolicyDocument"):
            document = resource.properties.get(key, {})
            for statement in document.get("Statement", []):
                yield resource.body["Type"], resource.path, statement


def test_every_service_principal_is_bound_to_this_account_and_source(each: Synthesis):
    seen: set[str] = set()
    for type_, path, statement in statements(each):
        principal = statement.get("Principal")
        if not isinstance(principal, dict) or "Service" not in principal:
            continue
        service = principal["Service"]
        seen.add(service)
        if (type_, service) in NOT_SUPPORTED:
            continue
        named = {key for test in statement["Condition"].values() for key in test}
        assert {"aws:SourceAccount", "aws:SourceArn"} <= named, path
    assert {"lambda.amazonaws.com", "scheduler.amazonaws.com", "cloudwatch.amazonaws.com"} <= seen


def test_only_the_api_invokes_by_a_policy_of_the_function_and_names_its_source(each: Synthesis):
    # Schedules and custom resources invoke as a role; API Gateway can do so by the function's policy alone.
    (permission,) = each.resources("AWS::Lambda::Permission")
    assert permission.stack == "api"
    assert permission.properties["SourceArn"]
