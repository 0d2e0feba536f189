"""Makes messages of fires that are recorded: their bodies, and the queues they go to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from muster.contracts import INLINE_PARAMS_BYTES
from muster.dispatcher.due import Fire
from muster.dispatcher.lane_choice import LaneChoice
from muster.message.envelope import Form
from muster.model import Source
from muster.store.connection import Database, Row
from muster.store.statements import statements


class Sending:
    """What the fires of one round have in common is asked for and written once.

    Pages of it may be made in several threads at once, each after its agents were learnt in the caller's.

    Args:
        database: knows the queues of agents.
    """

    def __init__(self, database: Database, *, lanes: LaneChoice) -> None:
        self._database = database
        self._lanes = lanes
        self._queues: dict[str, Mapping[str, str]] = {}
        self._forms: dict[tuple[Any, ...], tuple[str, Form]] = {}
        #: Agent and job of fires whose agent has no queue any more.
        self.stranded: list[tuple[str, str]] = []

    def learn(self, agents: set[str]) -> None:
        """Ask for the queues of agents that are not known yet."""
        unknown = agents - self._queues.keys()
        if unknown:
            rows = self._database.run(
                statements("schedule")["queues_of"], {"agent_ids": sorted(unknown)}
            )
            self._queues.update(dict(rows))

    def fires(self, rows: Sequence[Row], *, asked: float) -> list[Fire]:
        """What is to be sent of the rows that the statement `fire` answered; `learn` knows their agents.

        Args:
            asked: when it was asked for them, on the monotonic clock: their waits count from then.
        """
        fires: list[Fire] = []
        for agent_id, tenant, priority, planned, job_id, wait, params in rows:
            shared = (agent_id, tenant, priority, planned)
            known = self._forms.get(shared)
            if known is None:
                if agent_id not in self._queues:
                    self.stranded.append((agent_id, job_id))
                    continue
                known = self._forms[shared] = self._form(*shared)
            queue_url, form = known
            body = form.body(job_id, params)
            if len(body) > INLINE_PARAMS_BYTES:
                body = form.body(job_id, None)
            fires.append(Fire(asked + wait, queue_url, body, agent_id, job_id))
        return fires

    def _form(
        self, agent_id: str, tenant: str, priority: str, planned: datetime
    ) -> tuple[str, Form]:
        form = Form(
            agent_id=agent_id,
            tenant=tenant,
            priority=priority,
            source=Source.SCHEDULE,
            scheduled_for=planned,
        )
        return self._lanes.url(agent_id, self._queues[agent_id], priority), form
