"""A stage may bound all of its roles by a policy of the account, whoever makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from muster.errors import ConfigurationError
from stacks.config import STAGES
from stacks.repository import Repository
from tests.infra.synthesis import Synthesis, agents_of, synthesise


def boundaries(synthesis: Synthesis) -> dict[str, object]:
    """What bounds each role, by its path."""
    roles = synthesis.resources("AWS::IAM::Role")
    return {role.path: role.properties.get("PermissionsBoundary") for role in roles}


def test_every_role_of_a_stage_is_bounded_by_the_policy_that_it_names(
    synthesised: Callable[[str], Synthesis], tmp_path: Path
):
    # Given a stage with a boundary, with workflows and with every kind of agent
    stage = replace(
        STAGES["prod"],
        permissions_boundary="teams/muster-boundary",
        repository=Repository.parse("acme@1/muster@2"),
    )
    # When it is synthesised
    bounded = boundaries(synthesise(stage, agents_of(stage), tmp_path, checked=False))
    # Then each role has it, the CDK's and those of workflows included
    policy = ["arn:", {"Ref": "AWS::Partition"}, ":iam::", {"Ref": "AWS::AccountId"}]
    expected = {"Fn::Join": ["", [*policy, ":policy/teams/muster-boundary"]]}
    assert [path for path, found in bounded.items() if found != expected] == []
    # And there are as many as without: none was left out of what was looked at
    unbounded = boundaries(synthesised("prod"))
    assert set(unbounded) < set(bounded)
    assert set(unbounded.values()) == {None}


@pytest.mark.parametrize("name", ["", "arn:aws:iam::123456789012:policy/x", "two words"])
def test_what_is_no_name_of_a_policy_is_refused(name: str):
    with pytest.raises(ConfigurationError, match="permissions_boundary is .*; use the name of"):
        replace(STAGES["prod"], permissions_boundary=name)
