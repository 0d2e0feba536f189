"""The register function from its environment to the table: real Postgres, S3 and Secrets Manager by moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from moto import mock_aws

from lambdas.register.handler import handler
from muster.contracts import RegisterEnvironment
from muster.manifest import to_json
from muster.registration.host import registration_service
from tests.support.registration import agent, endpoint, rows

EVENT = Path(__file__).parents[1] / "events" / "registration" / "create.json"
STACK = "muster-dev-agents-0"


class Context:
    """Lambda's, as far as it is used."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@pytest.fixture
def deployed(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The function's environment, its secret and the asset of a stack with one agent; the database's URL."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        **RegisterEnvironment(
            stage="test", database_secret="database", database_tls="disable", code_version="0"
        ).to_environment(),
    }.items():
        monkeypatch.setenv(name, value)
    url = urlsplit(database_url)
    secret = {
        "host": url.hostname,
        "port": url.port,
        "dbname": url.path.lstrip("/"),
        "username": url.username,
        "password": url.password or "",
    }
    registration_service.cache_clear()
    with mock_aws():
        boto3.client("secretsmanager").create_secret(
            Name="database", SecretString=json.dumps(secret)
        )
        s3 = boto3.client("s3")
        s3.create_bucket(
            Bucket="assets", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        document = json.dumps([to_json(agent("one"))])
        s3.put_object(Bucket="assets", Key="manifests.json", Body=document)
        yield database_url
    registration_service.cache_clear()


def test_a_request_goes_from_cloudformation_to_the_table(deployed: str):
    # Given CloudFormation's request for a stack with one agent
    event = json.loads(EVENT.read_text("utf-8"))
    event["ResourceProperties"]["Agents"] = {"one": endpoint(STACK, "one")}

    # When the function is invoked as Lambda does it
    reply = handler(event, Context())

    # Then the agent is registered where its stack put it
    assert reply["Data"] == {"Changed": "1", "Retired": "0"}
    (row,) = rows(deployed, "SELECT owner, active, endpoint FROM agent_registry")
    assert row == {
        "owner": STACK,
        "active": True,
        "endpoint": {"type": "sqs", **endpoint(STACK, "one")},
    }

    # And a request that deletes what was created retires it
    handler(
        {
            **event,
            "RequestType": "Delete",
            "RequestId": "2",
            "PhysicalResourceId": reply["PhysicalResourceId"],
        },
        Context(),
    )
    assert rows(deployed, "SELECT 1 FROM agent_registry WHERE active") == []
