"""Short-lived tokens: what they carry, when they end, and what is none of ours."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.keys.access import Hold
from muster.keys.signing import SigningKeys
from muster.keys.token import ACCESS, LONGEST, REPORT_GRACE, TokenInvalid, Tokens
from tests.support.secrets import MemorySecrets
from tests.support.timepiece import Timepiece

KEY = "canary-" + "k" * 57
MINUTE = timedelta(minutes=1)
HOLD = Hold(
    execution_id="01890000-0000-7000-8000-000000000001",
    created_at=datetime(2026, 11, 28, 1, 2, 3, 456789, tzinfo=UTC),
    fence=3,
    deadline=datetime(2026, 11, 28, 2, 0, tzinfo=UTC) + timedelta(days=36500),
    lease=MINUTE,
)


def _tokens(clock: Timepiece, key: str = KEY) -> Tokens:
    secrets = MemorySecrets()
    secrets.stored["signing"] = json.dumps({"key": key})
    return Tokens(keys=SigningKeys(secrets=secrets, secret="signing", clock=clock), clock=clock)


def _access(tokens: Tokens) -> str:
    text, _ = tokens.access(
        key_id="0123456789abcdef", scopes=frozenset({"jobs:read"}), lifetime=MINUTE
    )
    return text


def test_an_access_token_says_which_key_it_stands_for_and_what_it_allows():
    tokens = _tokens(Timepiece(stopped=True))
    read = tokens.read(_access(tokens))
    assert (read.key_id, read.scopes, read.hold) == (
        "0123456789abcdef",
        frozenset({"jobs:read"}),
        None,
    )


def test_the_token_of_an_execution_says_what_is_held_under_which_fence():
    tokens = _tokens(Timepiece(stopped=True))
    read = tokens.read(tokens.execution(HOLD, key_id="0123456789abcdef", tenant="acme"))
    assert (read.hold, read.tenant, read.scopes) == (HOLD, "acme", frozenset())


def test_a_token_ends_with_its_time():
    # Given a token for a minute
    clock = Timepiece(stopped=True)
    tokens = _tokens(clock)
    text = _access(tokens)
    # When a little less has passed it holds, and a little later it does not
    clock.skip(timedelta(seconds=57))
    assert tokens.read(text)
    clock.skip(timedelta(seconds=4))
    with pytest.raises(TokenInvalid):
        tokens.read(text)


def test_a_report_is_heard_a_little_past_the_deadline():
    clock = Timepiece(stopped=True)
    tokens = _tokens(clock)
    hold = replace(HOLD, deadline=clock.now())
    text = tokens.execution(hold, key_id="k", tenant="acme")
    clock.skip(REPORT_GRACE - timedelta(seconds=5))
    assert tokens.read(text).hold
    clock.skip(timedelta(seconds=10))
    with pytest.raises(TokenInvalid):
        tokens.read(text)


def _forged(**changes: Any) -> str:
    claims = {
        "iss": "muster",
        "aud": ACCESS,
        "sub": "k",
        "iat": 0,
        "exp": 2**40,
        "scope": "jobs:read",
    }
    kid = _kid()
    given: dict[str, Any] = {"key": KEY, "algorithm": "HS256", "headers": {"kid": kid}}
    for name in ("key", "algorithm", "headers"):
        given[name] = changes.pop(name, given[name])
    return jwt.encode({k: v for k, v in {**claims, **changes}.items() if v is not None}, **given)


def _kid() -> str:
    return jwt.get_unverified_header(_access(_tokens(Timepiece(stopped=True))))["kid"]


def test_what_the_forger_of_these_tests_makes_of_the_right_parts_is_valid():
    assert _tokens(Timepiece(stopped=True)).read(_forged()).key_id == "k"


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "another-" + "k" * 56},
        {"algorithm": "none", "key": None},
        {"algorithm": "HS512"},
        {"headers": {}},
        {"headers": {"kid": "unknown"}},
        {"iss": "somebody"},
        {"aud": "somebody"},
        {"aud": ["muster:access", "muster:execution"]},
        {"aud": "muster:execution"},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"sub": None},
        {"sub": 7},
        {"scope": None},
    ],
    ids=lambda changes: "-".join(f"{k}={v}" for k, v in changes.items())[:40],
)
def test_what_was_not_signed_as_ours_is_refused(changes: dict[str, Any]):
    with pytest.raises(TokenInvalid):
        _tokens(Timepiece(stopped=True)).read(_forged(**changes))


def test_a_changed_token_is_refused():
    # Given a token whose scopes somebody widens without the key
    tokens = _tokens(Timepiece(stopped=True))
    head, body, signature = _access(tokens).split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    said["scope"] = "jobs:manage"
    forged = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    # When it is shown, it is none of ours
    with pytest.raises(TokenInvalid):
        tokens.read(f"{head}.{forged}.{signature}")


@given(st.text())
def test_any_other_text_is_no_token(text: str):
    with pytest.raises(TokenInvalid):
        _tokens(Timepiece(stopped=True)).read(text)


def test_a_text_without_end_is_not_looked_at():
    with pytest.raises(TokenInvalid):
        _tokens(Timepiece(stopped=True)).read("a" * (LONGEST + 1))


def test_nothing_of_the_signing_key_is_in_a_token():
    text = _access(_tokens(Timepiece(stopped=True)))
    told = [base64.urlsafe_b64decode(part + "==") for part in text.split(".")]
    assert not any(b"canary" in part for part in told)
