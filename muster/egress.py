"""Whether this process may call out, as the manifest of the agent that it runs says.

Without a line of this the answer depends on where the agent is deployed: a function without a route hangs
until its call times out, and the same function on one machine succeeds. So what calls out asks here first,
and the answer is the same on every stage.
"""

from __future__ import annotations

_shut_for: list[str] = []


def shut(agent_id: str) -> None:
    """From now on this process calls nobody, since the manifest of `agent_id` says `egress = "none"`."""
    _shut_for[:] = [agent_id]


def reopen() -> None:
    """Call out again: for tests that run several agents in one process."""
    _shut_for.clear()


def shut_for() -> str | None:
    """The agent whose manifest keeps this process from calling out; None: it may."""
    return _shut_for[0] if _shut_for else None
