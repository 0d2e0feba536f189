"""Which agents stack an agent belongs to: stable, and moving as few agents as can be when shards change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Identified(Protocol):
    """Whatever has an id."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Identified)


def shard_of(agent_id: str, *, shards: int) -> int:
    """Shard of an agent, 0 to shards - 1, by highest random weight.

    One shard more moves only the agents that the new one wins: 1 / (shards + 1) of them.
    """

    def weight(shard: int) -> bytes:
        return hashlib.sha256(f"{shard}/{agent_id}".encode()).digest()

    return max(range(shards), key=weight)


def shard(agents: Iterable[T], *, shards: int) -> dict[int, list[T]]:
    """Agents by shard, in order of id. Every shard is there, also without agents.

    A shard's stack retires the agents that left it, so it has to be deployed again after its last one left.
    """
    result: dict[int, list[T]] = {number: [] for number in range(shards)}
    for agent in sorted(agents, key=lambda a: a.id):
        result[shard_of(agent.id, shards=shards)].append(agent)
    return result
