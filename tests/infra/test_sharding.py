"""An agent stays in its stack: shards depend on nothing but the id and their number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from stacks.sharding import shard, shard_of


@dataclass(frozen=True)
class Agent:
    id: str


IDS = [f"agent-{n}" for n in range(200)]


def test_the_shards_of_some_agents_never_change():
    # A change here moves deployed agents to other stacks: queues are replaced.
    assert [shard_of(name, shards=8) for name in ("document-profile", "a", "b", "c")] == [
        0,
        0,
        2,
        1,
    ]


def test_agents_are_spread_evenly_enough_for_the_limit_of_a_stack():
    sizes = Counter(shard_of(name, shards=8) for name in IDS)
    assert len(sizes) == 8
    assert max(sizes.values()) < 40


def test_one_more_shard_moves_only_what_it_wins():
    moved = [n for n in IDS if shard_of(n, shards=9) != shard_of(n, shards=8)]
    assert all(shard_of(name, shards=9) == 8 for name in moved)
    assert len(moved) < len(IDS) / 4


@given(st.sets(st.from_regex(r"[a-z][a-z0-9-]{1,20}", fullmatch=True)), st.integers(1, 20))
def test_every_agent_is_in_exactly_one_shard_in_order(ids: set[str], shards: int):
    found = shard([Agent(i) for i in ids], shards=shards)
    assert sorted(a.id for members in found.values() for a in members) == sorted(ids)
    assert list(found) == list(range(shards)), "a shard left by its last agent must still retire it"
    assert all(
        [a.id for a in members] == sorted(a.id for a in members) for members in found.values()
    )
