"""The keys that sign tokens: read once in a while, rotated without ending a token."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from muster.errors import ConfigurationError
from muster.keys.signing import LOOK_AGAIN, READ_AGAIN, SigningKeys
from muster.ports import SecretsUnavailable
from tests.support.secrets import MemorySecrets
from tests.support.timepiece import Timepiece

OLD, NEW = "old-" + "o" * 60, "new-" + "n" * 60


class Shelf(MemorySecrets):
    """Secrets that count how often they are read, and may be away."""

    def __init__(self, **secret: Any) -> None:
        super().__init__()
        self.put(**secret)
        self.reads = 0
        self.away = False

    def put(self, **secret: Any) -> None:
        self.stored["signing"] = json.dumps(secret)

    def refresh(self, name: str) -> Any:
        self.reads += 1
        if self.away:
            raise SecretsUnavailable
        return super().refresh(name)


def _keys(shelf: Shelf, clock: Timepiece) -> SigningKeys:
    return SigningKeys(secrets=shelf, secret="signing", clock=clock)


def test_many_tokens_cost_one_read():
    shelf, clock = Shelf(key=OLD), Timepiece(stopped=True)
    keys = _keys(shelf, clock)
    names = {keys.current().name for _ in range(100)}
    assert (len(names), shelf.reads) == (1, 1)


def test_a_rotation_ends_no_token_and_is_taken_up_by_itself():
    # Given a process that signs with the old key
    shelf, clock = Shelf(key=OLD), Timepiece(stopped=True)
    keys = _keys(shelf, clock)
    old = keys.current()
    # When the key is rotated, and time passes
    shelf.put(key=NEW, previous=OLD)
    clock.skip(READ_AGAIN)
    # Then it signs with the new one, and knows what the old one signed
    assert keys.current().text == NEW
    assert keys.find(old.name) == old
    # And once the old one is taken out, it does no longer
    shelf.put(key=NEW)
    clock.skip(READ_AGAIN)
    assert keys.find(old.name) is None


def test_a_token_by_a_key_that_another_process_has_already_is_recognised():
    # Given one process that has read the secret before it was rotated, and one that has after
    shelf, clock = Shelf(key=OLD), Timepiece(stopped=True)
    slow = _keys(shelf, clock)
    slow.current()
    shelf.put(key=NEW, previous=OLD)
    fast = _keys(shelf, clock)
    # When the slow one is shown what the fast one signed, some time later
    clock.skip(LOOK_AGAIN)
    # Then it looks again
    assert slow.find(fast.current().name) == fast.current()


def test_tokens_of_strangers_do_not_have_the_secret_read_each_time():
    shelf, clock = Shelf(key=OLD), Timepiece(stopped=True)
    keys = _keys(shelf, clock)
    for _ in range(100):
        assert keys.find("nobody") is None
    clock.skip(LOOK_AGAIN + timedelta(seconds=1))
    keys.find("nobody")
    assert shelf.reads == 2


def test_what_was_read_holds_while_secrets_manager_is_away():
    shelf, clock = Shelf(key=OLD), Timepiece(stopped=True)
    keys = _keys(shelf, clock)
    known = keys.current()
    shelf.away = True
    clock.skip(READ_AGAIN)
    assert keys.current() == known
    with pytest.raises(SecretsUnavailable):
        _keys(shelf, clock).current()


@pytest.mark.parametrize(
    "secret", [{}, {"key": "short"}, {"key": 7}, {"key": OLD, "previous": "short"}]
)
def test_a_secret_that_cannot_sign_is_said_without_what_it_holds(secret: dict[str, Any]):
    with pytest.raises(ConfigurationError, match="32 characters") as told:
        _keys(Shelf(**secret), Timepiece(stopped=True)).current()
    assert "short" not in str(told.value)


def test_a_key_shows_in_no_repr():
    assert OLD not in repr(_keys(Shelf(key=OLD), Timepiece(stopped=True)).current())
