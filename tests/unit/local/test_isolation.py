"""A local deploy can never reach a real account, whatever the caller's environment says."""

from __future__ import annotations

import os

import pytest

from local.aws import LocalAws

ENDPOINT = "http://127.0.0.1:4566"


def test_no_aws_setting_of_the_caller_survives():
    # Given an environment that points at a real account in every way there is
    environ = {
        "HOME": "/home/me",
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "token",
        "AWS_ENDPOINT_URL_SQS": "https://sqs.eu-central-1.amazonaws.com",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/admin",
        "CDK_DEFAULT_ACCOUNT": "123456789012",
    }
    # When the environment of a local deploy is made of it
    made = LocalAws(endpoint=ENDPOINT).environment(environ)
    # Then nothing of that is left, and no file of credentials will be read
    assert made["HOME"] == "/home/me"
    assert made["AWS_ENDPOINT_URL"] == ENDPOINT
    assert made["AWS_SHARED_CREDENTIALS_FILE"] == made["AWS_CONFIG_FILE"] == os.devnull
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_SQS", "AWS_ROLE_ARN"} & set(
        made
    )
    assert "123456789012" not in str(made)


def test_a_local_client_heeds_no_setting_either(monkeypatch: pytest.MonkeyPatch):
    # Given the same in this process
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "https://sqs.eu-central-1.amazonaws.com")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    # When a client is made
    client = LocalAws(endpoint=ENDPOINT).client("sqs")
    # Then it speaks to the emulator
    assert client.meta.endpoint_url == ENDPOINT
    assert client.meta.region_name == "us-east-1"
