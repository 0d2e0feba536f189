"""Recognising a key, counting its call and recording its job in one round trip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from muster.keys.recognition import StoredKey
from muster.model import JsonObject
from muster.retry import RELAY_GRACE
from muster.store.call_rate import Rate
from muster.store.connection import Database
from muster.store.document import document
from muster.store.keys import NOTED
from muster.store.statements import statements
from muster.store.tenant_jobs import JobAgent, Wanted


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """What became of a job whose key and agent are still what they were."""

    #: False: its key calls too often, and nothing was written.
    counted: bool
    #: The job, when it was recorded just now; None: there is one of that id, or the agent has changed since.
    document: JsonObject | None


class AtOnce:
    """The procedure on one connection."""

    def __init__(self, database: Database, *, rate: Rate) -> None:
        self._database = database
        self._rate = rate.parameters
        self._statement = statements("tenant_jobs")["submit_job_at_once"]

    def submit(
        self,
        wanted: Wanted,
        *,
        key: StoredKey,
        agent: JobAgent,
        meanwhile: Callable[[], object],
    ) -> Submitted | None:
        """Record a job for the holder of a key; None, and nothing is written, unless both are what they were.

        Args:
            key: as it was found last; whoever calls has proven to have it.
            meanwhile: see `Database.run`.

        Raises:
            StoreUnavailable: no answer in time.
        """
        asked = {
            "key_id": key.principal.key_id,
            "key_stamp": key.stamp,
            "noted_seconds": NOTED.total_seconds(),
            **self._rate,
            "agent_id": wanted.agent_id,
            "agent_stamp": agent.stamp,
            "tenant": key.principal.tenant,
            "job_id": wanted.job_id,
            "execution_id": wanted.execution_id,
            "params": wanted.params,
            "config": wanted.config,
            "priority": wanted.priority,
            "traceparent": wanted.traceparent,
            "grace_seconds": RELAY_GRACE.total_seconds(),
        }
        [(counted, made)] = self._database.run(
            self._statement, {"asked": document(asked)}, meanwhile=meanwhile
        )
        return None if counted is None else Submitted(counted=counted, document=made)
