"""What a process remembers of keys: the last thing that was found, for those who have the key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from muster.keys.access import Principal, Role
from muster.keys.api_key import ApiKey
from muster.keys.recognition import StoredKey
from muster.keys.remembered import MOST, RememberedKeys

KEY = ApiKey.new()


def _stored(key: ApiKey) -> StoredKey:
    holder = Principal(key_id=key.key_id, role=Role.OPERATOR, tenant="acme")
    return StoredKey(
        digest=key.digest, valid=True, note_use=False, principal=holder, stamp="1 (0,1)"
    )


@dataclass(kw_only=True)
class Shelf:
    """Keys in memory."""

    keys: dict[str, StoredKey] = field(default_factory=dict[str, StoredKey])
    noted: list[str] = field(default_factory=list[str])

    def find(self, key_id: str, *, digest: bytes | None) -> StoredKey | None:
        return self.keys.get(key_id)

    def note_use(self, key_id: str) -> None:
        self.noted.append(key_id)


def test_nobody_is_known_before_they_were_found():
    shelf = Shelf(keys={KEY.key_id: _stored(KEY)})
    keys = RememberedKeys(shelf)
    assert keys.remembered(KEY.text) is None
    assert keys.find(KEY.key_id, digest=KEY.digest) == _stored(KEY)
    assert keys.remembered(KEY.text) == _stored(KEY)


@pytest.mark.parametrize(
    "presented",
    ["", "mstr_nonsense", ApiKey(key_id=KEY.key_id, secret="A" * 43).text, ApiKey.new().text],
    ids=["none", "no key", "another secret", "unknown"],
)
def test_only_the_key_itself_is_recognised(presented: str):
    # Given a key that somebody with another secret asked for, too
    keys = RememberedKeys(Shelf(keys={KEY.key_id: _stored(KEY)}))
    keys.find(KEY.key_id, digest=bytes(32))
    # Then its id alone tells nothing
    assert keys.remembered(presented) is None


def test_the_last_thing_that_was_found_counts():
    shelf = Shelf(keys={KEY.key_id: _stored(KEY)})
    keys = RememberedKeys(shelf)
    keys.find(KEY.key_id, digest=KEY.digest)
    # When its row changes, and when it holds no longer or is gone
    shelf.keys[KEY.key_id] = changed = replace(_stored(KEY), stamp="2 (0,2)")
    keys.find(KEY.key_id, digest=KEY.digest)
    assert keys.remembered(KEY.text) == changed
    for now in ({KEY.key_id: replace(changed, valid=False)}, {}):
        shelf.keys = now
        keys.find(KEY.key_id, digest=KEY.digest)
        assert keys.remembered(KEY.text) is None


def test_a_process_remembers_no_more_than_its_bound():
    # Given more keys than that, found one after another
    made = [ApiKey.new() for _ in range(MOST + 10)]
    keys = RememberedKeys(Shelf(keys={key.key_id: _stored(key) for key in made}))
    for key in made:
        keys.find(key.key_id, digest=key.digest)
    # Then the last ones are known
    known = [keys.remembered(key.text) is not None for key in made]
    assert known == [False] * 10 + [True] * MOST


def test_a_use_is_noted_where_keys_are_kept():
    shelf = Shelf()
    RememberedKeys(shelf).note_use("0123456789abcdef")
    assert shelf.noted == ["0123456789abcdef"]
