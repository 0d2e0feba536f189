"""Limits have limits, and exceptions are only made on purpose."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from muster.errors import ConfigurationError
from muster.safe_http import Policy, SafeHttp
from muster.safe_http.allowance import Allowance


def test_the_defaults_are_for_strangers():
    policy = Policy()
    assert policy.timeout == timedelta(seconds=30)
    assert policy.ports == {80, 443, 8080, 8443}
    assert policy.max_redirects == 3
    assert policy.allowed == ()
    assert policy.authorities is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.allowed = ("127.0.0.1",)  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": timedelta(seconds=31)},
        {"timeout": timedelta(0)},
        {"max_bytes": 0},
        {"max_request_bytes": -1},
        {"max_redirects": 4},
        {"max_redirects": -1},
        {"ports": frozenset({0})},
        {"ports": frozenset({65536})},
        {"methods": frozenset({"CONNECT"})},
        {"methods": frozenset({"get"})},
    ],
)
def test_a_policy_out_of_range_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Policy(**wrong)


@pytest.mark.parametrize(
    "entry",
    ["0.0.0.0/0", "::/0", "127.0.0.1/8", "http://x", "a b", "", "*.test", "127.1", "[::1]", "a:80"],
)
def test_an_allowance_that_is_not_exact_is_refused(entry: str):
    with pytest.raises(ConfigurationError):
        SafeHttp(Policy(allowed=(entry,)))


def test_authorities_that_are_none_are_told_at_once():
    with pytest.raises(ConfigurationError, match="PEM"):
        SafeHttp(Policy(authorities="no certificate"))


@pytest.mark.parametrize(
    ("allowed", "name", "address", "may"),
    [
        ("127.0.0.1", "any.test", "127.0.0.1", True),
        ("127.0.0.1", "any.test", "127.0.0.2", False),
        ("127.0.0.0/8", "any.test", "127.9.9.9", True),
        ("127.0.0.0/8", "any.test", "10.0.0.1", False),
        ("127.0.0.0/8", "any.test", "::ffff:127.0.0.1", False),
        ("::1", "any.test", "::1", True),
        ("site.test", "site.test", "10.0.0.1", True),
        ("SITE.test.", "site.test", "10.0.0.1", True),
        ("site.test", "sub.site.test", "10.0.0.1", False),
        ("site.test", "site.test", "169.254.169.254", False),
        ("169.254.0.0/16", "any.test", "169.254.169.254", False),
        ("169.254.0.0/16", "any.test", "169.254.1.1", True),
        ("169.254.169.254", "any.test", "169.254.169.254", True),
        ("127.0.0.1", "any.test", "8.8.8.8", True),
        ("127.0.0.1", "any.test", "64:ff9b::7f00:1", False),
    ],
)
def test_an_allowance_covers_what_it_names_and_no_more(
    allowed: str, name: str, address: str, may: bool
):
    found = Allowance.of((allowed,)).judge(name, ip_address(address))
    assert (found is None) is may
