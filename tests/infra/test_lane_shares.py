"""Concurrency over lanes: by weight, at least two each, and slots where that is more than was asked."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.lane import LANES
from muster.manifest import Queue
from stacks.config import STAGES
from stacks.lane_shares import WEIGHTS, by_weight, lane_shares
from tests.infra.synthesis import agent

DEV = STAGES["dev"]


@pytest.mark.parametrize(
    ("lanes", "concurrency", "shares"),
    [
        (("normal",), 20, {"normal": 20}),
        (("normal",), 1, {"normal": 2}),
        (("urgent", "normal"), 18, {"urgent": 16, "normal": 2}),
        (("urgent", "normal"), 36, {"urgent": 32, "normal": 4}),
        (("normal", "low"), 30, {"normal": 20, "low": 10}),
        (LANES, 31, {"urgent": 16, "critical": 8, "high": 3, "normal": 2, "low": 2}),
        (LANES, 62, {"urgent": 32, "critical": 16, "high": 8, "normal": 4, "low": 2}),
        (LANES, 3, dict.fromkeys(LANES, 2)),
    ],
)
def test_lanes_share_by_weight_and_none_has_less_than_two(
    lanes: tuple[str, ...], concurrency: int, shares: dict[str, int]
):
    assert by_weight(lanes, concurrency) == shares


@given(
    lanes=st.sets(st.sampled_from(LANES), min_size=1).map(sorted),
    concurrency=st.integers(1, 1000),
)
def test_nothing_is_left_over_and_the_more_urgent_never_gets_less(
    lanes: list[str], concurrency: int
):
    shares = by_weight(lanes, concurrency)
    assert sum(shares.values()) == max(concurrency, 2 * len(lanes))
    assert min(shares.values()) >= 2
    by_urgency = [shares[lane] for lane in LANES if lane in shares]
    assert by_urgency == sorted(by_urgency, reverse=True)


def test_every_lane_has_a_weight():
    assert set(WEIGHTS) == set(LANES)


@pytest.mark.parametrize(
    ("lanes", "concurrency", "ceiling", "slots"),
    [
        (("normal",), 1, None, 1),
        (("normal",), 2, None, 0),
        (("urgent", "normal"), 3, None, 3),
        (("urgent", "normal"), 4, None, 0),
        (LANES, 9, None, 9),
        (LANES, 10, None, 0),
        (("normal",), 20, 4, 0),
        (("normal",), 1, 4, 1),
        (LANES, 12, 4, 0),
    ],
)
def test_slots_count_only_where_event_sources_could_run_more(
    lanes: tuple[str, ...], concurrency: int, ceiling: int | None, slots: int
):
    stage = dataclasses.replace(DEV, event_source_ceiling=ceiling)
    manifest = agent("one", queue=Queue(batch=1, lanes=lanes), concurrency=concurrency)
    assert lane_shares(manifest, stage).slots == slots
