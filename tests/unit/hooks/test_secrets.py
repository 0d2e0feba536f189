"""The secrets of webhooks: two while one is replaced, read again in time, and shown by nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from muster.contracts import hook_secret_name
from muster.errors import ConfigurationError
from muster.hooks.secret import HookSecret
from muster.hooks.shared_secrets import FRESH, PAUSE, SharedSecrets
from tests.support.secrets import MemorySecrets
from tests.support.timepiece import Timepiece

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
NAME = hook_secret_name(stage="test", agent_id="one", name="chat")


def test_fault_55_both_hold_in_the_overlap_and_the_old_one_not_a_moment_longer():
    secret = HookSecret(current="old").replaced("new", now=NOW, overlap=timedelta(hours=1))
    end = NOW + timedelta(hours=1)
    assert secret.valid(NOW) == ("new", "old")
    assert secret.valid(end - timedelta(microseconds=1)) == ("new", "old")
    assert secret.valid(end) == ("new",)
    assert HookSecret.from_json(json.loads(json.dumps(secret.to_json()))) == secret


def test_fault_55_without_an_overlap_the_old_one_is_gone_and_there_are_never_three():
    at_once = HookSecret(current="old").replaced("new", now=NOW, overlap=timedelta(0))
    assert at_once.valid(NOW) == ("new",)
    assert "old" not in json.dumps(at_once.to_json())
    twice = (
        HookSecret(current="first")
        .replaced("second", now=NOW, overlap=timedelta(days=1))
        .replaced("third", now=NOW, overlap=timedelta(days=1))
    )
    assert twice.valid(NOW) == ("third", "second")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"current": ""},
        {"current": 1},
        {"current": "canary", "previous": "x", "previous_until": "soon"},
        {"current": "canary", "previous": "x", "previous_until": "2026-01-01T00:00:00"},
        {"current": "canary", "previous_until": "2026-01-01T00:00:00+00:00"},
    ],
    ids=str,
)
def test_what_is_no_secret_of_a_webhook_is_told_without_it(document: dict[str, Any]):
    with pytest.raises(ConfigurationError) as told:
        HookSecret.from_json(document)
    assert "canary" not in str(told.value)


def test_a_secret_shows_in_no_repr():
    assert "canary" not in repr(
        HookSecret(current="canary-1", previous="canary-2", previous_until=NOW)
    )


class Counting(MemorySecrets):
    """Counts reads."""

    reads = 0

    def refresh(self, name: str) -> Any:
        self.reads += 1
        return super().refresh(name)


def test_a_secret_is_read_again_after_a_minute_or_when_it_does_not_fit_but_not_for_every_stranger():
    # Given a secret that was read
    store, clock = Counting(), Timepiece(stopped=True)
    store.stored[NAME] = json.dumps({"current": "old"})
    shared = SharedSecrets(store, stage="test", clock=clock)
    assert shared.of("one", "chat").current == "old"
    # When it is replaced / Then it is known for a while as it was, and anew to who asks for what is newer
    store.stored[NAME] = json.dumps({"current": "new"})
    assert shared.of("one", "chat").current == "old"
    clock.skip(timedelta(seconds=PAUSE))
    assert shared.newer("one", "chat").current == "new"
    # And a thousand that it does not fit cost one read
    before = store.reads
    clock.skip(timedelta(seconds=PAUSE))
    for _ in range(1000):
        shared.newer("one", "chat")
    assert store.reads - before == 1
    # And after a minute it is read in any case
    store.stored[NAME] = json.dumps({"current": "newest"})
    clock.skip(timedelta(seconds=FRESH))
    assert shared.of("one", "chat").current == "newest"
