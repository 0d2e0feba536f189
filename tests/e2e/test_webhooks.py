"""A webhook as it is deployed: a rotation shows a secret, a signed delivery is one job."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from muster.hooks.standard import StandardWebhooks
from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy

pytestmark = pytest.mark.slow

AGENT, NAME = "takes-deliveries", "demo"


def _post(deployed: DeployedCopy, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{deployed.described['api_url']}/hooks/{AGENT}/{NAME}",
        method="POST",
        data=body,
        headers=headers,
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_webhook_of_the_deployed_stage_takes_a_signed_delivery_once(deployed: DeployedCopy):
    # Given the webhook of a manifest, whose secret its stack has made of letters and digits
    client = deployed.aws.client("secretsmanager")
    name = f"muster/local/hooks/{AGENT}/{NAME}"
    made = json.loads(client.get_secret_value(SecretId=name)["SecretString"])["current"]
    rotated = deployed.muster("webhooks", "rotate", AGENT, NAME, "--overlap", "1h", "--json")
    assert rotated.returncode == 0, rotated.stderr
    secret = json.loads(rotated.stdout)["secret"]
    # When a delivery of text is signed with either secret, and posted
    body, delivery = "grüße,\r\n\tohne JSON\n".encode(), f"msg_{uuid4().hex}"
    answers = []
    for one in (secret, made, "A" * 44):
        signed = StandardWebhooks().sign(body, secret=one, delivery=delivery, now=datetime.now(UTC))
        answers.append(_post(deployed, body, {**signed, "Content-Type": "text/plain"}))
    # Then it is one execution, and a stranger's is refused
    assert [status for status, _ in answers] == [202, 200, 401]
    assert answers[0][1] == answers[1][1]
    # And its job has run
    done = wait_for(
        lambda: deployed.query(
            "SELECT source, webhook, result FROM agent_job_execution"
            " WHERE execution_id = %s AND status = 'completed'",
            answers[0][1]["execution_id"],
        ),
        what="the delivery's job",
    )
    [(source, webhook, result)] = done
    assert (source, webhook, result["delivery"]) == ("webhook", NAME, delivery)


def test_a_test_delivery_needs_no_address_on_this_machine(deployed: DeployedCopy):
    done = deployed.muster("webhooks", "test", AGENT, NAME, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == 202
