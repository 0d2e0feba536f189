"""What recorded calls say about rights, and rights about calls."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.privilege.call import Call
from tests.support.privilege.right import Holder, Unit

#: Characters below which nothing has been explained.
REASON = 20


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The two directions, over the calls of one cloud."""

    #: Calls that no right allows, or that the emulator saw otherwise: role, call, what is missing.
    refused: Sequence[str]
    #: Rights by which some call was allowed.
    used: frozenset[Unit]
    granted: frozenset[Unit]

    @property
    def unused(self) -> frozenset[Unit]:
        return self.granted - self.used


def judge(calls: Iterable[Call], holders: Sequence[Holder]) -> Judgement:
    """Hold calls against rights.

    What every role of a kind is granted alike counts for all once one of them uses it; what only some are
    granted, as their manifests ask for it, counts for each by itself, under its agent's name.
    """
    by_name = {holder.name: holder for holder in holders}
    shared = _shared(holders)
    refused: list[str] = []
    used: set[Unit] = set()
    for call in calls:
        holder = by_name.get(call.role)
        if holder is None:
            continue
        units = holder.decide(call)
        if not units:
            refused.append(
                f"{holder.kind} (as {call.session}) called {call.action} on {call.resource}, which nothing "
                f"grants it: allow {call.action} there in stacks/, or do not call it"
            )
        elif not call.let_through:
            refused.append(
                f"{holder.kind} (as {call.session}) was refused {call.action} on {call.resource}, "
                f"though {units[0]} grants it"
            )
        used.update(_own(unit, holder, shared) for unit in units)
    return Judgement(
        refused=refused,
        used=frozenset(used),
        granted=frozenset(
            _own(right.unit, holder, shared)
            for holder in holders
            for right in holder.rights
            if right.statement.allows
        ),
    )


def _shared(holders: Sequence[Holder]) -> set[Unit]:
    """Units that every role of their kind has."""
    having: defaultdict[Unit, set[str]] = defaultdict(set)
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for holder in holders:
        kinds[holder.kind].add(holder.name)
        for right in holder.rights:
            having[right.unit].add(holder.name)
    return {unit for unit, names in having.items() if names == kinds[unit.role]}


def _own(unit: Unit, holder: Holder, shared: set[Unit]) -> Unit:
    if unit in shared or not holder.agent:
        return unit
    return Unit(
        role=unit.role.replace("{agent}", holder.agent), action=unit.action, resource=unit.resource
    )


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Units that somebody has accounted for, each with the reason."""

    reasons: Mapping[Unit, str]

    @classmethod
    def read(cls, path: Path, table: str) -> Listing:
        """From a TOML file: `roles`, `actions` and `resource` of each entry, and the reason."""
        entries: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))[table]
        reasons: dict[Unit, str] = {}
        for entry in entries:
            for role in entry["roles"]:
                for action in entry["actions"]:
                    unit = Unit(role=role, action=action, resource=entry["resource"])
                    assert unit not in reasons, f"{unit} is listed twice"
                    reasons[unit] = entry["reason"]
        return cls(reasons=reasons)

    def problems(
        self, found: frozenset[Unit], *, still: frozenset[Unit] | None = None
    ) -> list[str]:
        """What is found and not listed, what is listed and no longer so, and what has no reason.

        Args:
            found: what has to be listed.
            still: what may be listed; the same unless said.
        """
        listed = set(self.reasons)
        may_be = found if still is None else still
        return [
            *(f"{unit}: not listed" for unit in sorted(found - listed)),
            *(f"{unit}: listed, but no longer so" for unit in sorted(listed - may_be)),
            *(
                f"{unit}: the reason {reason!r} explains nothing"
                for unit, reason in sorted(self.reasons.items())
                if len(reason) < REASON
            ),
        ]
