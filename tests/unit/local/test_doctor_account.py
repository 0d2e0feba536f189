"""What the doctor says of an account: decisions over what AWS says, and how AWS is asked.

What a quota is was never asked of AWS itself: its answers are those that botocore's models allow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3.session
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber

from local.doctor import reach
from local.doctor.account import FARGATE_VCPU, RULES, Account, Subscription
from local.doctor.finding import Level
from local.doctor.needs import Needs
from local.doctor.quotas import quotas
from local.doctor.unread import Unread
from stacks.config import STAGES
from tests.support.examined import ASSEMBLY

DEV = replace(STAGES["dev"], alerts_email="ops@example.com")
#: An account that is large enough and tells somebody.
WELL = Account(
    number="111122223333",
    region="eu-central-1",
    bootstrap=30,
    concurrency=1000,
    vcpus=100,
    most_rules=300,
    rules=["theirs", "muster-dev-agents-0-Rule"],
    subscriptions={"pages": [Subscription(endpoint="ops@example.com", confirmed=True)]},
)
NEEDS = Needs(functions=100, reserved=20, vcpus=10, largest_task=2, images=())


def _levels(account: Account, *, needs: Needs = NEEDS) -> dict[str, Level]:
    findings = [
        reach.bootstrap(account, assembly=ASSEMBLY),
        *quotas(account, needs, stage=DEV, assembly=ASSEMBLY),
        *reach.alerts(account, stage=DEV),
    ]
    for finding in findings:
        assert bool(finding.cure) == (finding.level is not Level.OK)
    return {finding.check: finding.level for finding in findings}


def test_an_account_that_is_well_has_nothing_to_cure():
    assert set(_levels(WELL).values()) == {Level.OK}
    assert reach.credentials(WELL).told == "account 111122223333, region eu-central-1"


@pytest.mark.parametrize(
    ("changes", "ill"),
    [
        ({"bootstrap": None}, {"bootstrap": "problem"}),
        ({"bootstrap": 5}, {"bootstrap": "problem"}),
        ({"bootstrap": Unread("AccessDenied")}, {"bootstrap": "warning"}),
        # A new account: the API's 20 cannot be reserved beside the 100 that Lambda keeps.
        (
            {"concurrency": 119},
            {"lambda concurrency": "problem", "alarm of concurrency": "warning"},
        ),
        ({"concurrency": 120}, {"alarm of concurrency": "warning"}),
        ({"concurrency": Unread("AccessDenied")}, {"lambda concurrency": "warning"}),
        ({"vcpus": 9}, {"fargate vCPUs": "warning"}),
        ({"vcpus": 1}, {"fargate vCPUs": "problem"}),
        ({"vcpus": Unread("AccessDenied")}, {"fargate vCPUs": "warning"}),
        # Two are needed: what the stage has already is replaced.
        ({"most_rules": 3}, {}),
        ({"most_rules": 2}, {"eventbridge rules": "problem"}),
        ({"most_rules": Unread("AccessDenied")}, {"eventbridge rules": "warning"}),
        ({"rules": Unread("AccessDenied")}, {"eventbridge rules": "warning"}),
        ({"subscriptions": Unread("AccessDenied")}, {"alerts": "warning"}),
        ({"subscriptions": {"pages": []}}, {"alerts: pages": "warning"}),
    ],
)
def test_what_is_wrong_with_an_account_is_told(changes: dict[str, Any], ill: dict[str, str]):
    found = _levels(replace(WELL, **changes))
    assert {check: level for check, level in found.items() if level is not Level.OK} == ill


def test_more_functions_than_an_account_has_make_jobs_wait():
    busy = replace(NEEDS, functions=1001)
    assert _levels(WELL, needs=busy)["lambda concurrency"] is Level.WARNING


def test_no_service_needs_no_vcpus():
    without = replace(NEEDS, vcpus=0, largest_task=0)
    assert _levels(replace(WELL, vcpus=Unread("x")), needs=without)["fargate vCPUs"] is Level.OK


def test_alarms_reach_somebody_once_a_subscription_is_confirmed():
    # Given topics whose subscriptions are confirmed in part, and not at all
    pending = Subscription(endpoint="ops@example.com", confirmed=False)
    (confirmed,) = WELL.subscriptions["pages"]
    account = replace(WELL, subscriptions={"pages": [pending], "tickets": [pending, confirmed]})
    # When the doctor looks
    found = {finding.check: finding for finding in reach.alerts(account, stage=DEV)}
    # Then the one that reaches nobody is a problem, and whoever has not confirmed is named
    assert found["alerts: pages"].level is Level.PROBLEM
    assert "ops@example.com has not confirmed" in found["alerts: pages"].told
    assert found["alerts: tickets"].level is Level.WARNING


def test_before_the_first_deploy_it_says_whom_alarms_will_reach():
    new = replace(WELL, subscriptions=None)
    (mail,) = reach.alerts(new, stage=DEV)
    (nobody,) = reach.alerts(new, stage=replace(DEV, alerts_email=None))
    assert (mail.level, "two mails to confirm" in mail.told) == (Level.OK, True)
    assert (nobody.level, "alerts_email" in nobody.cure) == (Level.WARNING, True)


@pytest.mark.parametrize(
    ("why", "cure"),
    [
        ("NoCredentialsError", "aws configure"),
        ("ExpiredToken", "log in again"),
        ("NoRegionError", "AWS_REGION"),
        ("SomethingNew", "get-caller-identity"),
    ],
)
def test_an_account_that_cannot_be_asked_is_a_problem_with_a_cure(why: str, cure: str):
    found = reach.credentials(Unread(why))
    assert (found.level, why in found.told) == (Level.PROBLEM, True)
    assert cure in found.cure


class Stubbed:
    """A boto3 session whose clients answer by a script, service by service."""

    region_name = "eu-central-1"

    def __init__(self, **scripts: Callable[[Stubber], None]) -> None:
        self._scripts = scripts
        self._session = boto3.session.Session(
            aws_access_key_id="x", aws_secret_access_key="x", region_name=self.region_name
        )
        self._made: dict[str, Any] = {}

    def client(self, service: str, *, config: Any) -> Any:
        if service not in self._made:
            self._made[service] = self._session.client(service, config=config)
            stubber = Stubber(self._made[service])
            self._scripts[service.replace("-", "_")](stubber)
            stubber.activate()
        return self._made[service]


def _quotas_that_nobody_changed(stubber: Stubber) -> None:
    for (service, code), value in ((FARGATE_VCPU, 6.0), (RULES, 300.0)):
        asked = {"ServiceCode": service, "QuotaCode": code}
        stubber.add_client_error("get_service_quota", "NoSuchResourceException")
        answer = {"Quota": {"ServiceCode": service, "QuotaCode": code, "Value": value}}
        stubber.add_response("get_aws_default_service_quota", answer, asked)


def _pending(stubber: Stubber) -> None:
    for _ in range(2):
        subscription = {"Endpoint": "ops@example.com", "SubscriptionArn": "PendingConfirmation"}
        stubber.add_response(
            "list_subscriptions_by_topic",
            {"Subscriptions": [{**subscription, "Protocol": "email"}]},
        )


def _deployed(stubber: Stubber) -> None:
    outputs = [
        {"OutputKey": key, "OutputValue": f"arn:aws:sns:eu-central-1:111122223333:{key}"}
        for key in ("PagesTopic", "TicketsTopic")
    ]
    stack = {"StackName": "s", "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}
    stubber.add_response(
        "describe_stacks",
        {"Stacks": [{**stack, "CreationTime": "2026-03-01T00:00:00Z"}]},
        {"StackName": "muster-dev-observability"},
    )


def test_aws_is_asked_for_quotas_and_who_has_not_confirmed_as_its_models_have_it():
    # Given an account with the quotas that everybody has, and mails that nobody has confirmed
    session = Stubbed(
        sts=lambda s: s.add_response("get_caller_identity", {"Account": "111122223333"}),
        ssm=lambda s: s.add_client_error("get_parameter", "ParameterNotFound"),
        service_quotas=_quotas_that_nobody_changed,
        events=lambda s: s.add_response("list_rules", {"Rules": [{"Name": "theirs"}]}),
        cloudformation=_deployed,
        sns=_pending,
        **{"lambda": lambda s: s.add_client_error("get_account_settings", "AccessDenied")},
    )
    # When it is looked at
    account = Account.look(session, stage="dev", bootstrap_parameter="/p")
    # Then every answer is understood, a refusal too
    pending = [Subscription(endpoint="ops@example.com", confirmed=False)]
    assert account == Account(
        number="111122223333",
        region="eu-central-1",
        bootstrap=None,
        concurrency=Unread("AccessDenied"),
        vcpus=6,
        most_rules=300,
        rules=["theirs"],
        subscriptions={"pages": pending, "tickets": pending},
    )


def test_without_credentials_nothing_else_is_asked():
    class Nobody:
        region_name = "eu-central-1"

        def client(self, service: str, *, config: Any) -> Any:
            assert service == "sts"
            raise NoCredentialsError

    found = Account.look(Nobody(), stage="dev", bootstrap_parameter="/p")
    assert found == Unread("NoCredentialsError")
