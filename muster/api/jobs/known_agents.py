"""What a process remembers of agents, so that a job costs one statement.

Nothing is believed for being remembered: the statement that records a job compares the stamp of the agent's
row, and where that is another one, the agent is read anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from muster.execution.fit import Check
from muster.execution.params import params_checker
from muster.store.tenant_jobs import JobAgent

#: Most agents that are remembered.
MOST = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownAgent:
    """An agent as its row was, and its compiled `input_schema`."""

    agent: JobAgent
    #: What is wrong with params, or None.
    problem: Check


class KnownAgents:
    """Of one process, by tenant and agent."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], KnownAgent] = {}

    def known(self, tenant: str, agent_id: str) -> KnownAgent | None:
        """What was learnt last."""
        return self._known.get((tenant, agent_id))

    def learn(self, tenant: str, agent_id: str, agent: JobAgent) -> KnownAgent:
        """Remember what was just read."""
        key = (tenant, agent_id)
        known = self._known.pop(key, None)
        if known is None or known.agent != agent:
            known = KnownAgent(agent=agent, problem=params_checker(agent.input_schema))
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[key] = known
        return known
