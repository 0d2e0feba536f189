"""Decides what a registration changes. Pure: everything it looks at is handed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from muster.registration.failure import RegistrationFailed
from muster.store.registry import Owner, type_row

_SHARD = re.compile(r"-[0-9]+\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be written for one owner."""

    #: Rows to make active, all owned by the owner.
    register: tuple[type_row, ...]
    #: Agents to retire, where the owner still owns them.
    retire: tuple[str, ...]
    #: Owner -> rows that it lists and that come back to it, because this owner gives them up.
    hand_back: Mapping[str, tuple[type_row, ...]]


def family(owner: str) -> str:
    """What the shards of one app and stage share: the stack's name without its number."""
    return _SHARD.sub("", owner)


def plan(
    owner: str,
    listing: Mapping[str, type_row],
    *,
    active: Mapping[str, str | None],
    owners: Mapping[str, Owner],
) -> Plan:
    """What to do so that `owner` has exactly the agents of its listing.

    Stacks may hand an agent over in either order. Where the new one comes first it takes the agent from
    its sibling; where that is rolled back, the sibling that still lists the agent gets it back.

    Args:
        active: agent id -> owner of its active version; None: registered by hand, free to take.
        owners: what each owner registered last.

    Raises:
        RegistrationFailed: an agent belongs to a stack of another app or stage.
    """
    foreign = {
        agent: other
        for agent in sorted(listing)
        if (other := active.get(agent)) is not None and family(other) != family(owner)
    }
    if foreign:
        raise RegistrationFailed(
            f"{owner} may not register "
            + ", ".join(f"{agent} (stack {other} has it)" for agent, other in foreign.items())
            + "; give the agent another id, or remove it from that stack first"
        )
    mine = [agent for agent, other in active.items() if other == owner]
    gone = tuple(sorted(agent for agent in mine if agent not in listing))
    return Plan(
        register=tuple(listing[agent] for agent in sorted(listing)),
        retire=gone,
        hand_back=_siblings(owner, gone, owners),
    )


def _siblings(
    owner: str, gone: tuple[str, ...], owners: Mapping[str, Owner]
) -> dict[str, tuple[type_row, ...]]:
    found: dict[str, tuple[type_row, ...]] = {}
    claimed: set[str] = set()
    siblings = [
        other
        for other in owners.values()
        if other.name != owner and other.resource and family(other.name) == family(owner)
    ]
    # The one that registered last knows best.
    for other in sorted(siblings, key=lambda sibling: sibling.request, reverse=True):
        rows = tuple(
            other.listing[agent]
            for agent in gone
            if agent in other.listing and agent not in claimed
        )
        claimed.update(row["agent_id"] for row in rows)
        if rows:
            found[other.name] = rows
    return found
