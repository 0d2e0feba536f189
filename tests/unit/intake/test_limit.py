"""The limit as the stacks write it and the dispatcher reads it."""

from __future__ import annotations

import pytest

from muster.errors import ConfigurationError
from muster.intake.limit import IntakeLimit
from stacks.budget_settings import IntakeSettings


def test_what_a_stage_says_is_what_the_dispatcher_reads():
    said = IntakeSettings(monthly_usd=12.5, million_input_tokens=3, million_output_tokens=15)
    read = IntakeLimit.from_json(said.to_json("x86_64"))
    assert read is not None
    assert (read.monthly_usd, read.architecture) == (12.5, "x86_64")
    assert (read.prices.million_input_tokens, read.prices.million_output_tokens) == (3, 15)


def test_nothing_said_is_no_limit():
    assert IntakeLimit.from_json("") is None


@pytest.mark.parametrize("text", ["{", "{}", "7", '{"monthly_usd": "x"}'])
def test_what_is_no_limit_names_the_cure(text: str):
    with pytest.raises(ConfigurationError, match="redeploy it"):
        IntakeLimit.from_json(text)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"monthly_usd": 0}, "use more than 0, or `intake=None`"),
        ({"monthly_usd": float("nan")}, "use more than 0"),
        ({"monthly_usd": 1, "million_input_tokens": -1}, "use 0 or more"),
    ],
    ids=str,
)
def test_a_limit_that_cannot_be_is_refused_with_the_cure(settings: dict[str, float], told: str):
    with pytest.raises(ConfigurationError, match=told):
        IntakeSettings(**settings)
