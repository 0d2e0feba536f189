"""What every implementation of `muster.ports.Secrets` does: in memory, on moto, on the emulator."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from moto import mock_aws

from muster.aws.secrets import Secrets as SecretsManagerSecrets
from muster.errors import ConfigurationError
from muster.ports import SecretMissing, Secrets
from tests.support.emulator import session
from tests.support.secrets import MemorySecrets


@dataclass
class Subject:
    secrets: Secrets
    create: Callable[[str, str], object]
    change: Callable[[str, str], object]

    def secret(self, text: str) -> str:
        name = f"conformance/{uuid.uuid4().hex}"
        self.create(name, text)
        return name


@pytest.fixture(params=["memory", "moto", "emulator"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    match request.param:
        case "memory":
            memory = MemorySecrets()
            yield Subject(memory, memory.stored.__setitem__, memory.stored.__setitem__)
        case "moto":
            with mock_aws():
                yield _over(session().client("secretsmanager"))
        case _:
            yield _over(request.getfixturevalue("emulator").client("secretsmanager"))


def _over(client: Any) -> Subject:
    return Subject(
        SecretsManagerSecrets(client=client),
        lambda name, text: client.create_secret(Name=name, SecretString=text),
        lambda name, text: client.put_secret_value(SecretId=name, SecretString=text),
    )


def test_a_secret_is_read_once_and_again_when_asked(subject: Subject):
    # Given a secret that was read
    name = subject.secret(json.dumps({"password": "old", "port": 5432}))
    assert subject.secrets.get(name) == {"password": "old", "port": 5432}
    # When it is rotated
    subject.change(name, json.dumps({"password": "new"}))
    # Then it stays what it was until it is refreshed
    assert subject.secrets.get(name)["password"] == "old"
    assert subject.secrets.refresh(name) == {"password": "new"}
    assert subject.secrets.get(name) == {"password": "new"}


def test_a_missing_secret_is_a_configuration_error_that_names_it(subject: Subject):
    with pytest.raises(ConfigurationError, match="conformance/missing"):
        subject.secrets.get("conformance/missing")


@pytest.mark.parametrize("text", ["hunter2", '["hunter2"]', '{"password": hunter2}'])
def test_a_secret_that_is_no_object_is_refused_without_showing_it(subject: Subject, text: str):
    name = subject.secret(text)
    with pytest.raises(ConfigurationError) as caught:
        subject.secrets.get(name)
    assert name in str(caught.value)
    shown = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert "hunter2" not in "".join(str(error) for error in shown)


def test_a_failed_refresh_keeps_what_is_known(subject: Subject):
    name = subject.secret('{"password": "old"}')
    subject.secrets.get(name)
    subject.change(name, "broken")
    with pytest.raises(ConfigurationError):
        subject.secrets.refresh(name)
    assert subject.secrets.get(name) == {"password": "old"}


def test_a_text_is_read_as_it_is_now(subject: Subject):
    # Given a secret that is text
    name = subject.secret("plain: no JSON")
    assert subject.secrets.text(name) == "plain: no JSON"
    # When it is rotated, the next read says so
    subject.change(name, "rotated")
    assert subject.secrets.text(name) == "rotated"


def test_a_missing_text_is_told_with_the_command_that_creates_it(subject: Subject):
    with pytest.raises(SecretMissing, match="create-secret --name conformance/missing"):
        subject.secrets.text("conformance/missing")
