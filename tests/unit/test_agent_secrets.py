"""An agent's secrets are read when they are needed, and again when they are old or were rejected."""

from __future__ import annotations

from datetime import timedelta

import pytest

from muster.agent_secrets import FRESH, AgentSecrets
from muster.ports import SecretMissing
from tests.support.secrets import MemorySecrets
from tests.support.timepiece import Timepiece


@pytest.fixture
def store() -> MemorySecrets:
    memory = MemorySecrets()
    memory.stored["feeds/token"] = "first-token"
    return memory


@pytest.fixture
def clock() -> Timepiece:
    return Timepiece(stopped=True)


def _secrets(store: MemorySecrets, clock: Timepiece) -> AgentSecrets:
    return AgentSecrets({"FEED_TOKEN": "feeds/token"}, read=store.text, clock=clock)


def test_a_rotated_secret_is_taken_up_within_five_minutes(store: MemorySecrets, clock: Timepiece):
    # Given a secret that was read
    secrets = _secrets(store, clock)
    assert secrets.current() == {"FEED_TOKEN": "first-token"}
    # When it is rotated
    store.stored["feeds/token"] = "second-token"
    # Then jobs get the old one for a while, and then the new one
    clock.skip(FRESH - timedelta(seconds=1))
    assert secrets.current() == {"FEED_TOKEN": "first-token"}
    clock.skip(timedelta(seconds=1))
    assert secrets.current() == {"FEED_TOKEN": "second-token"}
    # And what a job of before the rotation writes down is still masked
    assert "token" not in secrets.mask().text("first-token second-token")


def test_a_rejected_secret_is_read_again_at_once(store: MemorySecrets, clock: Timepiece):
    secrets = _secrets(store, clock)
    secrets.current()
    store.stored["feeds/token"] = "second-token"
    secrets.forget()
    assert secrets.current() == {"FEED_TOKEN": "second-token"}


def test_a_secret_that_is_missing_now_is_looked_for_again(store: MemorySecrets, clock: Timepiece):
    # Given a secret that nobody created
    value = store.stored.pop("feeds/token")
    secrets = _secrets(store, clock)
    with pytest.raises(SecretMissing, match="create-secret --name feeds/token"):
        secrets.current()
    # When it is created, the next attempt has it
    store.stored["feeds/token"] = value
    assert secrets.current() == {"FEED_TOKEN": value}


def test_a_failure_is_told_once_and_is_not_paid_for_twice(store: MemorySecrets, clock: Timepiece):
    # Given secrets that are looked at before the job's time begins, in vain
    value = store.stored.pop("feeds/token")
    secrets = _secrets(store, clock)
    secrets.refresh()
    # When one asks for them / Then it is told what was found out, without another try
    store.stored["feeds/token"] = value
    with pytest.raises(SecretMissing):
        secrets.current()
    # And the next one is not
    assert secrets.current() == {"FEED_TOKEN": value}


def test_a_failure_is_not_held_against_jobs_that_come_later(store: MemorySecrets, clock: Timepiece):
    value = store.stored.pop("feeds/token")
    secrets = _secrets(store, clock)
    secrets.refresh()
    store.stored["feeds/token"] = value
    clock.skip(timedelta(minutes=1))
    assert secrets.current() == {"FEED_TOKEN": value}


def test_jobs_cannot_change_what_the_next_one_gets(store: MemorySecrets, clock: Timepiece):
    with pytest.raises(TypeError):
        _secrets(store, clock).current()["FEED_TOKEN"] = "mine"  # pyright: ignore[reportIndexIssue] - that is the point
