"""Region, endpoint, credentials, certificates and proxies are those that boto3 would use."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
from botocore.exceptions import SSLError

from muster.aws.fast.client import FastSqs
from muster.aws.fast.opening import open_fast
from muster.aws.transport import Transport, queues_by
from muster.errors import ConfigurationError
from muster.ports import Depth
from tests.support.certificates import Authority
from tests.support.stubbed_sqs import ok, stubbed_sqs

DEPTHS = {
    "Attributes": {
        "ApproximateNumberOfMessages": "1",
        "ApproximateNumberOfMessagesNotVisible": "2",
        "ApproximateNumberOfMessagesDelayed": "3",
    }
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Nothing of this machine's settings but a region and credentials."""
    for name in os.environ:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("CONFIG_FILE", "SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(f"AWS_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return monkeypatch


def _address(client: FastSqs) -> tuple[str, int, bool]:
    address = client._pool._address
    return address.host, address.port, address.tls is not None


def test_aws_is_where_botocore_says_it_is(environment: pytest.MonkeyPatch):
    with closing(open_fast(patience=60)) as client:
        assert _address(client) == ("sqs.eu-central-1.amazonaws.com", 443, True)
    # And where it says so for those who must have validated cryptography
    environment.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with closing(open_fast(patience=60)) as client:
        assert _address(client)[0] == "sqs-fips.us-east-1.amazonaws.com"


def test_the_setting_chooses_the_transport(environment: pytest.MonkeyPatch):
    # Given an endpoint of its own, and credentials in a file
    with stubbed_sqs() as server:
        environment.setenv("AWS_ENDPOINT_URL_SQS", server.url)
        environment.delenv("AWS_ACCESS_KEY_ID")
        Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(
            "[default]\naws_access_key_id = FROMFILE\naws_secret_access_key = secret\n"
        )
        # When a queue is asked by either transport
        for transport in Transport:
            server.answer(ok(DEPTHS))
            queues = queues_by(transport)
            assert queues.depth("q") == Depth(visible=1, in_flight=2, delayed=3)
            queues._client.close()
    # Then both asked the same, in the same name
    boto3, fast = server.requests
    assert boto3.body == fast.body
    for name in ("x-amz-target", "content-type", "host"):
        assert boto3.headers[name] == fast.headers[name]
    for request in (boto3, fast):
        assert "Credential=FROMFILE/" in request.headers["authorization"]
        assert "/eu-central-1/sqs/aws4_request" in request.headers["authorization"]


def test_certificates_are_checked_by_the_bundle_that_botocore_uses(
    environment: pytest.MonkeyPatch, tmp_path: Path
):
    # Given SQS behind a private authority
    authority = Authority(tmp_path)
    bundle = tmp_path / "authorities.pem"
    bundle.write_text(authority.pem)
    with stubbed_sqs(authority.serve("127.0.0.1")) as server:
        environment.setenv("AWS_ENDPOINT_URL_SQS", server.url)
        # Then it is refused by default
        with closing(open_fast(patience=60)) as client, pytest.raises(SSLError):
            client.get_queue_attributes(QueueUrl="q")
        assert server.requests == []
        # And taken once it is trusted
        environment.setenv("AWS_CA_BUNDLE", str(bundle))
        with closing(open_fast(patience=60)) as client:
            assert client.get_queue_attributes(QueueUrl="q") == {}
            assert client.get_queue_attributes(QueueUrl="q") == {}
    assert [request.connection for request in server.requests][1:] == [
        server.requests[0].connection
    ]


def test_a_proxy_is_refused_with_the_cure(environment: pytest.MonkeyPatch):
    environment.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    with pytest.raises(ConfigurationError, match="NO_PROXY"):
        open_fast(patience=60)
    # And is none of SQS's when SQS is exempt
    environment.setenv("NO_PROXY", "amazonaws.com")
    open_fast(patience=60).close()


def test_without_a_region_the_error_names_the_variable(environment: pytest.MonkeyPatch):
    environment.delenv("AWS_REGION")
    environment.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigurationError, match="No AWS region is set"):
        queues_by("fast")


def test_an_unknown_transport_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match="boto3, fast"):
        queues_by("carrier-pigeon")
