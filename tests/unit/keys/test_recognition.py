"""Recognising the holder of a key, and what its role and scopes allow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from muster.keys.access import GRANTS, Hold, Principal, Role, Scope, roles_with
from muster.keys.api_key import ApiKey
from muster.keys.recognition import CallsTooOften, NotRecognised, StoredKey, recognise

KEY = ApiKey.new()
HOLDER = Principal(key_id=KEY.key_id, role=Role.OPERATOR, tenant="acme")
HOLD = Hold(
    execution_id="01890000-0000-7000-8000-000000000001",
    created_at=datetime(2026, 11, 28, tzinfo=UTC),
    fence=1,
    deadline=datetime(2026, 11, 29, tzinfo=UTC),
    lease=timedelta(minutes=1),
)
STORED = StoredKey(digest=KEY.digest, valid=True, note_use=False, principal=HOLDER)


@dataclass(kw_only=True)
class Shelf:
    """Keys in memory, and which uses were noted."""

    keys: dict[str, StoredKey]
    noted: list[str] = field(default_factory=list)

    def find(self, key_id: str, *, digest: bytes | None) -> StoredKey | None:
        return self.keys.get(key_id)

    def note_use(self, key_id: str) -> None:
        self.noted.append(key_id)


def test_the_holder_of_a_valid_key_is_recognised():
    shelf = Shelf(keys={KEY.key_id: STORED})
    assert recognise(KEY.text, keys=shelf) == HOLDER
    assert shelf.noted == []


def test_who_calls_too_often_is_told_so_only_with_the_key():
    shelf = Shelf(keys={KEY.key_id: replace(STORED, too_often=True, note_use=True)})
    with pytest.raises(CallsTooOften):
        recognise(KEY.text, keys=shelf)
    with pytest.raises(NotRecognised):
        recognise(ApiKey(key_id=KEY.key_id, secret="A" * 43).text, keys=shelf)
    assert shelf.noted == []


def test_a_use_is_noted_when_the_last_one_is_long_ago():
    shelf = Shelf(keys={KEY.key_id: replace(STORED, note_use=True)})
    recognise(KEY.text, keys=shelf)
    assert shelf.noted == [KEY.key_id]


@pytest.mark.parametrize(
    ("presented", "stored"),
    [
        ("", STORED),
        ("mstr_nonsense", STORED),
        (ApiKey.new().text, STORED),
        (ApiKey(key_id=KEY.key_id, secret=ApiKey.new().secret).text, STORED),
        (KEY.text, replace(STORED, valid=False, note_use=True)),
        (KEY.text, replace(STORED, digest=bytes(32), note_use=True)),
        (ApiKey(key_id=KEY.key_id, secret="A" * 43).text, replace(STORED, note_use=True)),
    ],
    ids=["none", "no key", "unknown", "other secret", "not valid", "other digest", "guessed"],
)
def test_every_refusal_is_the_same_and_notes_nothing(presented: str, stored: StoredKey):
    shelf = Shelf(keys={KEY.key_id: stored})
    with pytest.raises(NotRecognised) as raised:
        recognise(presented, keys=shelf)
    assert str(raised.value) == str(NotRecognised())
    assert shelf.noted == []


def test_a_viewer_changes_nothing_and_an_admin_may_everything():
    viewer, admin = (replace(HOLDER, role=role) for role in (Role.VIEWER, Role.ADMIN))
    reads = {scope for scope in Scope if scope.endswith(":read")}
    assert {scope for scope in Scope if viewer.may(scope)} == {*reads, Scope.TOKENS_ISSUE}
    assert {scope for scope in Scope if not admin.may(scope)} == {Scope.EXECUTION_REPORT}


@pytest.mark.parametrize("role", Role)
def test_the_token_of_an_execution_reports_on_it_and_does_nothing_else(role: Role):
    holder = replace(HOLDER, role=role, hold=HOLD)
    assert [scope for scope in Scope if holder.may(scope)] == [Scope.EXECUTION_REPORT]


@pytest.mark.parametrize("role", Role)
def test_scopes_take_away_and_never_give(role: Role):
    for scope in Scope:
        narrowed = replace(HOLDER, role=role, scopes=frozenset({str(scope), "nonsense:all", "*"}))
        assert {s for s in Scope if narrowed.may(s)} == {scope} & GRANTS[role]
    nothing = replace(HOLDER, role=role, scopes=frozenset())
    assert not any(nothing.may(scope) for scope in Scope)


def test_every_role_is_granted_something_and_every_scope_has_somebody():
    assert set(GRANTS) == set(Role)
    assert all(GRANTS.values())
    assert [scope for scope in Scope if not roles_with(scope)] == [Scope.EXECUTION_REPORT]
