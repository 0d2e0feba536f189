"""Whoever changes a bit of a delivery, or makes one up, is refused, and nothing breaks."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from muster.hooks.posted import TOLERANCE, NotProven, Posted
from muster.hooks.schemes import scheme
from tests.support.hooks import SCHEMES, TIMED

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
BODY = b'{"id": "evt_1", "event_id": "evt_1", "text": "gr\xc3\xbc\xc3\x9fe"}'


@pytest.mark.parametrize("name", SCHEMES)
def test_fault_53_any_flipped_bit_of_what_is_signed_or_of_the_signature_is_refused(name: str):
    """Every bit of id, time and signature, and of the body every bit of a sample."""
    chance = random.Random(53)
    way = scheme(name)
    secret = way.new_secret()
    headers = way.sign(BODY, secret=secret, delivery="msg_1", now=NOW)
    unsigned = {"x-github-event", "x-github-delivery"}
    tried = 0
    # Given each header of the proof with each of its bits flipped
    for header, value in headers.items():
        if header in unsigned:
            continue
        for place in range(len(value)):
            for bit in range(8):
                flipped = value[:place] + chr(ord(value[place]) ^ (1 << bit)) + value[place + 1 :]
                posted = Posted(headers={**headers, header: flipped}, body=BODY)
                # Then it is refused, and by nothing else than a refusal
                with pytest.raises(NotProven):
                    way.verify(posted, secrets=[secret], now=NOW)
                tried += 1
    # And so is a body with a bit flipped, in whichever byte
    for place in range(len(BODY)):
        bit = chance.randrange(8)
        body = BODY[:place] + bytes([BODY[place] ^ (1 << bit)]) + BODY[place + 1 :]
        with pytest.raises(NotProven):
            way.verify(Posted(headers=headers, body=body), secrets=[secret], now=NOW)
    assert tried > 400


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize(
    "change", [lambda b: b + b"\n", lambda b: b.replace(b": ", b":"), lambda b: b"\xef\xbb\xbf" + b]
)
def test_fault_53_a_body_that_was_written_anew_is_refused(
    name: str, change: Callable[[bytes], bytes]
):
    way = scheme(name)
    secret = way.new_secret()
    headers = way.sign(BODY, secret=secret, delivery="msg_1", now=NOW)
    with pytest.raises(NotProven):
        way.verify(Posted(headers=headers, body=change(BODY)), secrets=[secret], now=NOW)


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize(
    ("distance", "holds"),
    [
        (timedelta(0), True),
        (TOLERANCE, True),
        (-TOLERANCE, True),
        (TOLERANCE + timedelta(seconds=1), False),
        (-TOLERANCE - timedelta(seconds=1), False),
        (timedelta(days=400), False),
    ],
)
def test_fault_53_a_signed_time_holds_for_five_minutes_to_either_side(
    name: str, distance: timedelta, holds: bool
):
    way = scheme(name)
    secret = way.new_secret()
    posted = Posted(headers=way.sign(BODY, secret=secret, delivery="d", now=NOW), body=BODY)
    if holds:
        way.verify(posted, secrets=[secret], now=NOW + distance)
        return
    with pytest.raises(NotProven) as refused:
        way.verify(posted, secrets=[secret], now=NOW + distance)
    assert refused.value.code == "time_too_far"


ODD = [
    "",
    " ",
    "v0",
    ",",
    "=",
    "t=",
    "\x00",
    "v1,\x00",
    "é" * 20,
    "v1,é",
    "sha256=é",
    "\ud800",
    "٣" * 10,
    "1e9",
    "-1",
    "+1614265330",
    "1614265330.0",
    " 1614265330",
    "9" * 30,
    "inf",
    "nan",
    "x" * 5000,
    "v1,a" * 50,
    "a,b,c d,e",
    "t=1,t=2,v1=3",
]


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_fault_54_odd_headers_are_refused_and_nothing_breaks(name: str, odd: str):
    way = scheme(name)
    secret = way.new_secret()
    headers = way.sign(BODY, secret=secret, delivery="msg_1", now=NOW)
    for header in headers:
        if header in {"x-github-event", "x-github-delivery"}:
            continue
        # Given one header that is odd, or missing / Then the delivery is refused
        without = {key: value for key, value in headers.items() if key != header}
        for changed in ({**headers, header: odd}, without):
            with pytest.raises(NotProven):
                way.verify(Posted(headers=changed, body=BODY), secrets=[secret], now=NOW)


def test_fault_54_one_good_signature_among_fifty_is_enough_and_none_is_not():
    way = scheme("standard-webhooks")
    secret, other = way.new_secret(), way.new_secret()
    good = way.sign(BODY, secret=secret, delivery="m", now=NOW)
    bad = way.sign(BODY, secret=other, delivery="m", now=NOW)["webhook-signature"]
    several = [bad] * 49
    for signatures, holds in (
        ([*several, good["webhook-signature"]], True),
        ([good["webhook-signature"], "garbage", "v2,x", ","], True),
        ([*several, bad], False),
        ([good["webhook-signature"].replace("v1,", "v0,")], False),
        ([good["webhook-signature"].replace("v1,", "v1a,")], False),
    ):
        headers = {**good, "webhook-signature": " ".join(signatures)}
        posted = Posted(headers=headers, body=BODY)
        if holds:
            assert way.verify(posted, secrets=[secret], now=NOW) == "m"
        else:
            with pytest.raises(NotProven):
                way.verify(posted, secrets=[secret], now=NOW)


def test_fault_54_an_id_that_cannot_be_stored_is_refused_though_it_is_signed():
    way = scheme("standard-webhooks")
    secret = way.new_secret()
    for delivery in ("a\x00b", "x" * 257):
        headers = way.sign(BODY, secret=secret, delivery=delivery, now=NOW)
        with pytest.raises(NotProven):
            way.verify(Posted(headers=headers, body=BODY), secrets=[secret], now=NOW)
