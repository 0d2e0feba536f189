"""Each scheme by its own documentation's example, and what it makes itself."""

from __future__ import annotations

import ast
import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from muster.errors import ConfigurationError
from muster.hooks.posted import Posted
from muster.hooks.schemes import scheme
from tests.support.hooks import SCHEMES
from tests.support.source import ROOT

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
BODY = b'{"id": "evt_1", "event_id": "evt_1", "text": "gr\xc3\xbc\xc3\x9fe"}'
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
    b"96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A delivery as a scheme's documentation shows it."""

    scheme: str
    secret: str
    body: bytes
    headers: dict[str, str]
    seconds: int = 1782900000
    delivery: str


def _content(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


EXAMPLES = (
    Example(
        scheme="standard-webhooks",
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        body=b'{"test": 2432232314}',
        headers={
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        seconds=1614265330,
        delivery="msg_p5jXN8AQM9LWM0D4loKWxJek",
    ),
    Example(
        scheme="github",
        secret="It's a Secret to Everybody",
        body=b"Hello, World!",
        headers={
            "x-hub-signature-256": "sha256="
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        },
        delivery=_content(b"Hello, World!"),
    ),
    Example(
        scheme="slack",
        secret="8f742231b10e8888abcd99yyyzzz85a5",
        body=SLACK_BODY,
        headers={
            "x-slack-request-timestamp": "1531420618",
            "x-slack-signature": "v0="
            "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        },
        seconds=1531420618,
        delivery=_content(SLACK_BODY),
    ),
    Example(
        scheme="stripe",
        secret="whsec_test",
        body=BODY,
        headers={
            "stripe-signature": "t=1782900000,v1="
            + hmac.new(b"whsec_test", b"1782900000." + BODY, "sha256").hexdigest()
            + ",v0=ignored"
        },
        delivery="evt_1",
    ),
    Example(
        scheme="hmac",
        secret="plain-secret-of-a-partner",
        body=BODY,
        headers={"x-signature": hmac.new(b"plain-secret-of-a-partner", BODY, "sha256").hexdigest()},
        delivery=_content(BODY),
    ),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.scheme)
def test_a_delivery_that_is_signed_as_documented_is_proven(example: Example):
    posted = Posted(headers=example.headers, body=example.body)
    now = datetime.fromtimestamp(example.seconds, UTC)
    secrets = ["wrong" * 4, example.secret]
    assert scheme(example.scheme).verify(posted, secrets=secrets, now=now) == example.delivery


@pytest.mark.parametrize("spelling", ["hex", "sha256=hex", "base64"])
def test_plain_hmac_is_spelt_in_the_three_ways_that_are_common(spelling: str):
    made = hmac.digest(b"secret", BODY, "sha256")
    given = {
        "hex": made.hex(),
        "sha256=hex": f"sha256={made.hex()}",
        "base64": base64.b64encode(made).decode(),
    }[spelling]
    way = scheme("hmac", signature_header="x-shop-hmac")
    way.verify(Posted(headers={"x-shop-hmac": given}, body=BODY), secrets=["secret"], now=NOW)


@pytest.mark.parametrize("name", SCHEMES)
def test_what_is_signed_here_is_proven_and_secrets_are_never_the_same(name: str):
    way = scheme(name)
    secrets = {way.new_secret() for _ in range(50)}
    assert len(secrets) == 50
    for secret in secrets:
        assert len(secret) >= 43
        headers = way.sign(BODY, secret=secret, delivery="d", now=NOW)
        way.verify(Posted(headers=headers, body=BODY), secrets=[secret], now=NOW)


def test_a_secret_of_another_scheme_is_told_without_it():
    canary = "canary!secret!canary"
    way = scheme("standard-webhooks")
    with pytest.raises(ConfigurationError) as told:
        way.sign(BODY, secret=canary, delivery="m", now=NOW)
    assert "canary" not in str(told.value)
    assert told.value.__cause__ is None


def test_signatures_are_compared_in_one_place_and_in_constant_time(
    monkeypatch: pytest.MonkeyPatch,
):
    # Given all modules of webhooks / Then `compare_digest` stands in one place, on bytes
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def noting(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noting)
    for name in SCHEMES:
        way = scheme(name)
        secrets = [way.new_secret(), way.new_secret()]
        headers = way.sign(BODY, secret=secrets[0], delivery="m", now=NOW)
        compared.clear()
        way.verify(Posted(headers=headers, body=BODY), secrets=secrets, now=NOW)
        # And every candidate is looked at, also when the first one fits
        assert len(compared) >= 2
        assert all(isinstance(side, bytes) for pair in compared for side in pair)
    # And no other comparison is made with what a signature or a secret is called
    for file in (ROOT / "muster" / "hooks").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Compare) and any(
                isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops
            ):
                words = ast.unparse(node)
                assert not any(
                    word in words for word in ("signature", "secret", "digest", "mac", "expected")
                ), (file.name, words)
