"""Lanes: a priority's own queue of an agent. Standard library only."""

from __future__ import annotations

from collections.abc import Collection

#: Priorities, most urgent first; each can be a lane.
LANES = ("urgent", "critical", "high", "normal", "low")

#: The lane that every agent has, and the priority of what does not say one.
NORMAL = "normal"


def rank(priority: str) -> int:
    """Place in the order of urgency, 0 for the most urgent; an unknown priority is a normal one."""
    return LANES.index(priority if priority in LANES else NORMAL)


def nearest_lane(wanted: str, lanes: Collection[str]) -> str:
    """The lane among `lanes` that is nearest to a priority; of two as near, the more urgent one.

    Raises:
        ValueError: there is no lane at all.
    """
    if wanted in lanes:
        return wanted
    if not lanes:
        raise ValueError("an agent has at least one lane")
    place = rank(wanted)
    return min(lanes, key=lambda lane: (abs(rank(lane) - place), rank(lane)))
