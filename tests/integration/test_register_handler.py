"""The register function from its environment to the table: real Postgres, S3 and Secrets Manager by moto."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from moto import mock_aws

from lambdas.register.handler import handler
from muster.contracts import RegisterEnvironment
from muster.manifest import to_json
from muster.registration.failure import RegistrationFailed
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


def test_where_an_answer_is_to_go_is_neither_called_nor_told(
    deployed: str, caplog: pytest.LogCaptureFixture
):
    """CDK's function answers; what stands there is no business of ours, whoever wrote it."""
    event = json.loads(EVENT.read_text("utf-8"))
    event["ResourceProperties"]["Agents"] = {"one": endpoint(STACK, "one")}
    # Given requests that name an address within reach
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setblocking(False)
        host, port = door.getsockname()
        event["ResponseURL"] = f"http://{host}:{port}/latest?X-Amz-Signature=presigned"

        # When one of them is answered, and one fails
        handler(event, Context())
        wrong = {**event["ResourceProperties"], "Agents": "none"}
        with pytest.raises(RegistrationFailed):
            handler({**event, "RequestId": "2", "ResourceProperties": wrong}, Context())

        # Then nobody was at that door
        with pytest.raises(BlockingIOError):
            door.accept()
    # And neither says where it was, in no part of a record
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]
    assert "presigned" not in str([vars(record) for record in caplog.records])
