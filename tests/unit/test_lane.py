"""The lane that a priority falls to when the agent has none of its own."""

from __future__ import annotations

import pytest

from muster.lane import LANES, nearest_lane, rank


@pytest.mark.parametrize(
    ("wanted", "lanes", "nearest"),
    [
        ("urgent", ("normal",), "normal"),
        ("low", ("urgent", "normal"), "normal"),
        ("critical", ("urgent", "normal"), "urgent"),
        ("high", ("urgent", "normal"), "normal"),
        ("high", ("critical", "normal"), "critical"),
        ("low", ("low", "normal"), "low"),
        ("normal", ("urgent", "low"), "low"),
        ("soon", ("urgent", "normal", "low"), "normal"),
        ("soon", ("high", "low"), "high"),
    ],
)
def test_a_priority_falls_to_the_nearest_lane_and_of_two_to_the_more_urgent(
    wanted: str, lanes: tuple[str, ...], nearest: str
):
    assert nearest_lane(wanted, lanes) == nearest
    assert nearest_lane(wanted, tuple(reversed(lanes))) == nearest


@pytest.mark.parametrize("lane", LANES)
def test_every_lane_is_its_own_nearest(lane: str):
    assert nearest_lane(lane, LANES) == lane


def test_an_unknown_priority_is_a_normal_one():
    assert rank("soon") == rank("normal")


def test_an_agent_without_a_lane_is_no_agent():
    with pytest.raises(ValueError, match="at least one lane"):
        nearest_lane("normal", ())
