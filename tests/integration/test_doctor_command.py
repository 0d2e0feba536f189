"""`muster doctor` as a person runs it, against an account that answers.

The emulator plays the account as far as it goes: it knows no Service Quotas, and takes every mail for
confirmed. The rest is in tests/unit/local/test_doctor_account.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local.aws import LocalAws
from local.emulator import ACCOUNT, REGION
from tests.support.emulator import EmulatedCloud
from tests.support.source import ROOT

#: What no output may hold.
_SECRET = "canary-of-a-secret-key"
_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
_STACK = "muster-dev-observability"
_TEMPLATE = {
    "Resources": {
        "Pages": {"Type": "AWS::SNS::Topic"},
        "Mail": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Pages"},
                "Protocol": "email",
                "Endpoint": "ops@example.com",
            },
        },
        "Tickets": {"Type": "AWS::SNS::Topic"},
    },
    "Outputs": {
        "PagesTopic": {"Value": {"Ref": "Pages"}},
        "TicketsTopic": {"Value": {"Ref": "Tickets"}},
    },
}


def _doctor(*arguments: str, **environ: str) -> tuple[int, dict[str, Any], str]:
    """Run it; its exit code, its findings by check, and all that it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "local.cli", "doctor", *arguments, "--json"],
        cwd=ROOT,
        env={
            **LocalAws(endpoint="").environment(os.environ),
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_SESSION_TOKEN": _SECRET,
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    shown = json.loads(done.stdout)
    assert shown["ok"] == (done.returncode == 0)
    findings = {finding["check"]: finding for finding in shown["findings"]}
    return done.returncode, findings, done.stdout + done.stderr


def _account(emulator: EmulatedCloud) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL": emulator.endpoint_url}


def test_without_a_stage_it_looks_at_the_machine_alone():
    # Given a checkout that is set up, and no account at all
    # When the doctor looks
    code, findings, _ = _doctor(AWS_ENDPOINT_URL="http://127.0.0.1:1")
    # Then it is content, and has asked nobody else
    assert code == 0
    assert set(findings) >= {"python", "node", "cdk", "set-up"}
    assert "credentials" not in findings


def test_the_local_stage_needs_no_account():
    code, findings, _ = _doctor("--stage", "local")
    assert code == 0
    assert findings["stage"]["level"] == findings["docker"]["level"] == "ok"
    assert "credentials" not in findings


def test_an_unknown_stage_is_a_problem_that_names_the_others():
    code, findings, _ = _doctor("--stage", "develop")
    assert code == 1
    assert findings["stage"]["cure"].startswith("use one of local, dev, prod")


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, "NoCredentialsError"),
        ({"AWS_PROFILE": "nobody"}, "ProfileNotFound"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "EndpointConnectionError"),
    ],
)
def test_without_an_account_it_says_so_and_checks_what_it_can(environ: dict[str, str], why: str):
    # Given no credentials, a profile that is none, or no way to AWS
    # When the doctor looks at a stage of the cloud
    code, findings, wrote = _doctor("--stage", "dev", **environ)
    # Then it says which, with a cure, and what needs no account was looked at
    assert code == 1
    assert why in findings["credentials"]["told"]
    assert findings["credentials"]["cure"]
    assert {"stage", "docker", "synth", "cdk"} <= set(findings)
    assert "bootstrap" not in findings
    # And no secret is shown
    assert _SECRET not in wrote


def test_an_account_is_asked_what_a_deploy_needs_of_it(emulator: EmulatedCloud):
    # Given an account that was never bootstrapped
    ssm = emulator.client("ssm")
    # When the doctor looks
    code, findings, wrote = _doctor("--stage", "dev", **_account(emulator))
    # Then it knows the account and says how to bootstrap it
    assert code == 1
    assert findings["credentials"]["told"] == f"account {ACCOUNT}, region {REGION}"
    assert findings["bootstrap"]["cure"] == f"run `npx cdk bootstrap aws://{ACCOUNT}/{REGION}`"
    assert findings["alerts"]["level"] == "warning"
    # And once it is, and the stage is there with one topic that tells somebody and one that does not
    ssm.put_parameter(Name=_BOOTSTRAP, Value="30", Type="String")
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(StackName=_STACK, TemplateBody=json.dumps(_TEMPLATE))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=_STACK, WaiterConfig={"Delay": 1}
    )
    try:
        _, findings, again = _doctor("--stage", "dev", **_account(emulator))
    finally:
        cloudformation.delete_stack(StackName=_STACK)
        ssm.delete_parameter(Name=_BOOTSTRAP)
    # Then it says that too
    assert findings["bootstrap"] == {
        "check": "bootstrap", "level": "ok", "told": "version 30", "cure": "",
    }  # fmt: skip
    assert findings["lambda concurrency"]["level"] == "ok"
    assert findings["alerts: pages"]["told"] == "1 subscribed"
    assert findings["alerts: tickets"]["told"] == "nobody is told"
    # And what the emulator does not know is told as such, and is no problem
    assert findings["fargate vCPUs"]["level"] == "warning"
    assert _SECRET not in wrote + again
