"""What a listener is told is checked before it starts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ecs_listener.settings import Settings
from muster.contracts import ListenerEnvironment
from muster.errors import ConfigurationError
from muster.fleet_settings import FleetSettings

ENVIRONMENT = ListenerEnvironment(
    stage="test",
    database_secret="s",
    database_tls="disable",
    code_version="c",
    agent_id="tester",
    agent_folder="f",
    queue_urls='{"normal": "u"}',
    dead_letter_queue_url="d",
    results_bucket="r",
    own_tmp="",
    allow_external_requests="no",
    outbound="{}",
    slots="0",
    visibility_seconds="120",
    concurrency="4",
    agent_concurrency="8",
    drain_seconds="90",
    http_port="8080",
    scale_in_protection="yes",
    transport="fast",
    fleet=FleetSettings().to_json(),
)


def test_texts_become_values():
    settings = Settings.of(ENVIRONMENT)
    assert settings.lanes == {"normal": "u"}
    assert (settings.concurrency, settings.agent_concurrency) == (4, 8)
    assert settings.visibility == timedelta(minutes=2)
    assert settings.scale_in_protection is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("concurrency", "0"),
        ("concurrency", "many"),
        ("visibility_seconds", "1"),
        ("drain_seconds", "-1"),
        ("scale_in_protection", "perhaps"),
        ("queue_urls", "{}"),
        ("fleet", '{"heartbeat": "often"}'),
        ("fleet", "30"),
    ],
)
def test_what_cannot_be_names_its_variable_value_and_cure(field: str, value: str):
    with pytest.raises(ConfigurationError) as refusal:
        Settings.of(replace(ENVIRONMENT, **{field: value}))
    assert f"MUSTER_{field.upper()}" in str(refusal.value)
    assert value in str(refusal.value)
