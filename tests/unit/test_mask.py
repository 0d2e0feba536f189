"""Secrets are found in whatever form they are written down."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote

import pytest

from muster.mask import MASKED, LogMask, Mask
from tests.support.telling import MemoryLog

ODD = "c4n\"ary'/+\\ é"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nshort\n-----END KEY-----\n"


@pytest.mark.parametrize(
    "written", [ODD, json.dumps(ODD), repr(ODD), quote(ODD, safe=""), json.dumps({"k": [ODD]})]
)
def test_a_secret_is_found_as_it_is_and_as_others_write_it(written: str):
    masked = Mask([ODD]).text(f"before {written} after")
    assert "ary" not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert MASKED in masked


def test_each_line_of_a_long_secret_is_one():
    mask = Mask([KEY])
    assert mask.text("got MIIEvQIBADANBgkqhkiG here") == f"got {MASKED} here"
    assert mask.text(KEY.strip()) == MASKED


def test_what_contains_another_secret_leaves_nothing_of_itself():
    assert Mask(["token", "token-and-more"]).text("token-and-more") == MASKED


def test_what_occurs_by_chance_is_not_looked_for():
    assert Mask(["no", "", "1"]).text("no 1 knows") == "no 1 knows"


def test_values_are_searched_to_the_bottom():
    value = {"a": ["x canary-1 x", {"canary-1": 1}], "n": 1, "none": None}
    masked = Mask(["canary-1"]).value(value)
    assert masked == {"a": [f"x {MASKED} x", {MASKED: 1}], "n": 1, "none": None}
    assert value["a"][0] == "x canary-1 x"  # pyright: ignore[reportIndexIssue] - a list


def test_log_lines_are_masked_with_what_is_secret_when_they_are_written():
    # Given a log that learns of a secret
    log = MemoryLog()
    masks = [Mask()]
    log.logger.addFilter(LogMask(lambda: masks[-1]))
    masks.append(Mask(["canary-1"]))
    # When it is told in arguments, extras and exceptions
    log.logger.info(
        "token %s", "canary-1", extra={"own": {"t": "canary-1"}, "odd": ValueError("canary-1")}
    )
    try:
        int("canary-1")
    except ValueError:
        log.logger.exception("failed")
    log.logger.info("wrong %d", "arguments")
    # Then it is nowhere, and everything else is
    text = log.everything()
    assert "canary-1" not in text
    assert f"token {MASKED}" in text
    assert "test_mask.py" in text
    assert "cannot be shown" in text
    assert log.records[0]["levelno"] == logging.INFO
