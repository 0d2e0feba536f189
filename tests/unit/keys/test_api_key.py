"""What a key looks like, and that nothing but the key itself matches its digest."""

from __future__ import annotations

import base64
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.keys.api_key import PREFIX, ApiKey

KEY = ApiKey(key_id="0123456789abcdef", secret="A" * 43)


def test_a_key_is_its_prefix_its_id_and_256_random_bits():
    # Given many new keys
    keys = [ApiKey.new() for _ in range(200)]
    # Then each says what it is, no two share anything, and each secret has 32 bytes
    assert all(key.text == f"{PREFIX}{key.key_id}_{key.secret}" for key in keys)
    assert len({key.key_id for key in keys}) == len({key.secret for key in keys}) == 200
    assert {len(base64.urlsafe_b64decode(key.secret + "=")) for key in keys} == {32}
    # And the bits are even: of 51,200 about half are set
    bits = sum(
        byte.bit_count() for key in keys for byte in base64.urlsafe_b64decode(key.secret + "=")
    )
    assert abs(bits - 25_600) < 6 * math.sqrt(51_200) / 2


def test_what_was_made_is_read_back_and_matches_its_own_digest():
    key = ApiKey.new()
    assert ApiKey.read(key.text) == key
    assert key.matches(key.digest)


@given(st.text())
def test_any_text_is_a_key_or_none(text: str):
    key = ApiKey.read(text)
    assert key is None or key.text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY.text + "\n",
        " " + KEY.text,
        KEY.text[:-1],
        KEY.text + "A",
        KEY.text.upper(),
        KEY.text.replace("A", "é"),
        KEY.text.replace("_", "-", 1),
        f"{PREFIX}{'٣' * 16}_{'A' * 43}",  # digits of another script
        f"Bearer {KEY.text}",
    ],
)
def test_what_has_not_the_form_is_no_key(text: str):
    assert ApiKey.read(text) is None


@given(at=st.integers(0, 42), other=st.sampled_from("BCDxyz019-_"))
def test_one_other_character_is_another_key(at: int, other: str):
    changed = ApiKey(key_id=KEY.key_id, secret=KEY.secret[:at] + other + KEY.secret[at + 1 :])
    assert not changed.matches(KEY.digest)


def test_the_digest_of_one_id_is_of_no_use_to_another():
    assert not ApiKey(key_id="f" * 16, secret=KEY.secret).matches(KEY.digest)


def test_a_secret_shows_in_no_repr():
    key = ApiKey.new()
    assert key.secret not in repr(key)
    assert key.key_id in repr(key)
