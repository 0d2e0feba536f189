"""The function as Lambda calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdas.register.handler import handler
from muster.contracts import RegisterEnvironment
from muster.errors import ConfigurationError
from muster.registration import RegistrationFailed
from muster.registration.host import registration_service

EVENT = Path(__file__).parents[2] / "events" / "registration" / "create.json"


class Context:
    """Lambda's, as far as it is used."""

    def get_remaining_time_in_millis(self) -> int:
        return 3000


@pytest.fixture(autouse=True)
def forget_the_service() -> Iterator[None]:
    registration_service.cache_clear()
    yield
    registration_service.cache_clear()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the stack sets; nothing of it can be reached."""
    contract = RegisterEnvironment(
        stage="test", database_secret="none", database_tls="disable", code_version="0"
    )
    for name, value in contract.to_environment().items():
        monkeypatch.setenv(name, value)


def event(**changes: Any) -> dict[str, Any]:
    return {**json.loads(EVENT.read_text("utf-8")), **changes}


def test_a_delete_of_what_never_was_succeeds_without_reaching_anything(environment: None):
    reply = handler(event(RequestType="Delete", PhysicalResourceId="never"), Context())

    assert reply == {"PhysicalResourceId": "never", "Data": {}}


def test_a_delete_of_the_migrations_leaves_the_schema(environment: None):
    reply = handler(
        event(
            RequestType="Delete",
            ResourceType="Custom::MusterMigration",
            PhysicalResourceId="muster-migration",
        ),
        Context(),
    )

    assert reply["PhysicalResourceId"] == "muster-migration"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"RequestType": "Refresh"}, "RequestType 'Refresh'"),
        ({"ResourceType": "Custom::Other"}, "ResourceType 'Custom::Other'"),
        ({"ResourceProperties": None}, "ResourceProperties: an object"),
        ({"ResourceProperties": {"Stack": "s"}}, "Manifests: an object"),
        ({"ResourceProperties": {"Stack": ["s"]}}, "Stack: a text"),
        ({"RequestId": ""}, "RequestId: a text"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    changes: dict[str, Any], told: str, environment: None
):
    with pytest.raises(RegistrationFailed, match=told):
        handler(event(**changes), Context())


def test_without_its_environment_it_names_every_missing_variable():
    with pytest.raises(ConfigurationError, match="MUSTER_DATABASE_SECRET, MUSTER_DATABASE_TLS"):
        handler(event(), Context())
