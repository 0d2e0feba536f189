"""Least privilege on the deployed cloud, whose emulator refuses what a role is not granted."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.support.deployed import DeployedCopy
from tests.support.privilege.call import Call, recorded
from tests.support.privilege.deployed_roles import DeployedRoles, read_templates
from tests.support.privilege.drive import LISTENS, Drive
from tests.support.privilege.judgement import Judgement, Listing, judge
from tests.support.privilege.right import Holder

pytestmark = pytest.mark.slow

GRANTS = Path(__file__).parents[1] / "grants.toml"

#: Who calls what its role may not.
STRANGER = "a-test-of-rights"


@pytest.fixture(scope="module")
def holders(deployed: DeployedCopy) -> list[Holder]:
    """The roles of the deployed stage."""
    agents = {folder.parent.name for folder in deployed.path.glob("l*/agents/*/agent.toml")}
    templates = read_templates(deployed.checkout.synthesised, stage="local", agents=agents)
    return DeployedRoles(aws=deployed.aws, templates=templates).holders()


@pytest.fixture(scope="module")
def driven(deployed: DeployedCopy, holders: list[Holder]) -> Judgement:
    """What the calls come to that are made while each role does its work."""
    deployed.checkout.calls.rename(_before(deployed))
    Drive(copy=deployed).all()
    return judge(_ours(recorded(deployed.checkout.calls)), holders)


@pytest.fixture(scope="module")
def judgement(deployed: DeployedCopy, holders: list[Holder], driven: Judgement) -> Judgement:
    """What all calls of this cloud come to, those of other tests and of its deploys included."""
    assert driven.used
    return judge(_all_calls(deployed), holders)


def test_every_call_of_a_role_is_granted_by_the_templates(
    deployed: DeployedCopy, judgement: Judgement, holders: list[Holder]
):
    # Given every call that this cloud's roles have made, those of other tests included
    # Then templates grant each of them, and the emulator let it through by the deployed policies
    assert list(judgement.refused) == []
    # And nobody was refused of whom the templates do not know
    known = {holder.name for holder in holders}
    calls = _all_calls(deployed)
    assert [c for c in calls if c.role not in known and not c.let_through] == []
    # And all that act by themselves have been seen at work
    kinds = {unit.role for unit in judgement.used}
    agents = {"agents/{agent}/Agent/Role", "agents/{agent}/Task/Role"}
    stacks = {"api/Answering/Role", "dispatcher/Dispatcher/Role"}
    registry = {"registry/ProviderRole", "registry/Register/Role"}
    assert agents | stacks | registry <= kinds


def test_what_is_granted_is_used_or_listed_with_the_reason(judgement: Judgement, driven: Judgement):
    # Given the list of what nobody uses on one machine
    listing = Listing.read(GRANTS, "unused")
    # Then nothing else is unused, and nothing on it is used or granted no more
    still = driven.granted - driven.used
    assert listing.problems(judgement.unused, still=still) == []


def test_a_call_outside_of_the_grants_is_refused_and_told(
    deployed: DeployedCopy, holders: list[Holder]
):
    # Given the role of a listener
    (role,) = (h for h in holders if h.agent == LISTENS and h.kind.endswith("/Task/Role"))
    as_listener = deployed.aws.acting_as(role.arn, session=STRANGER)
    # When it takes a job of another agent
    queue = deployed.described["agents"]["always-fails"]["queue_url"]
    sqs = deployed.aws.client("sqs", as_listener)
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.receive_message(QueueUrl=queue)
    # Then it was refused, and the judgement names role, call and what would be missing
    strange = [call for call in recorded(deployed.checkout.calls) if call.session == STRANGER]
    assert [call.let_through for call in strange] == [False]
    (told,) = judge(strange, holders).refused
    name = queue.rpartition("/")[2]
    assert told.startswith("agents/{agent}/Task/Role")
    assert f"sqs:ReceiveMessage on arn:aws:sqs:us-east-1:000000000000:{name}" in told
    assert "allow sqs:ReceiveMessage there in stacks/" in told


def _before(deployed: DeployedCopy) -> Path:
    return deployed.checkout.calls.with_suffix(".before")


def _all_calls(deployed: DeployedCopy) -> list[Call]:
    files = (_before(deployed), deployed.checkout.calls)
    return _ours([call for file in files for call in recorded(file)])


def _ours(calls: list[Call]) -> list[Call]:
    """Without those of the bootstrap's roles, which are the CDK's."""
    return [c for c in calls if c.session != STRANGER and not c.role.startswith("cdk-")]
