"""Schedules in a database for benchmarks, and the dispatcher's duties on them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg2

from muster.dispatcher.duties import Duties
from muster.metrics import EmbeddedMetrics
from muster.ports import Queues
from muster.store.connection import Database, Row
from muster.store.ledger import Ledger
from muster.store.settings import DatabaseSettings
from muster.store.statements import Statement

#: Agents that share the schedules.
AGENTS = 20

#: Different cron expressions among them: every minute of four hours of New Year's Day.
_REGISTER = """
INSERT INTO agent_schedule (agent_id, name, expression, params, next_at)
SELECT 'agent-' || n % %(agents)s, 's' || n, format('%%s %%s 1 1 *', n %% 60, n / 60 %% 4),
       '{"url": "https://example.com/feed.xml"}', %(next_at)s::timestamptz
  FROM generate_series(%(first)s, %(last)s) AS n
""".replace("n % %", "n %% %")

#: Clears away what updates left, in indexes too: there a plain one leaves what is little of a large table.
CLEAR = "VACUUM (ANALYZE, INDEX_CLEANUP ON) agent_schedule"


def execute(url: str, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    """Run one statement outside a transaction; its rows."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


def register_agents(url: str, queue_urls: Sequence[str]) -> None:
    """The agents, each with a lane of its own."""
    for number in range(AGENTS):
        endpoint = {"type": "sqs", "queues": {"normal": queue_urls[number % len(queue_urls)]}}
        execute(
            url,
            "INSERT INTO agent_registry (agent_id, endpoint) VALUES (%(agent)s, %(endpoint)s)",
            {"agent": f"agent-{number}", "endpoint": json.dumps(endpoint)},
        )


def register_schedules(url: str, *, first: int, last: int, next_at: str = "infinity") -> None:
    """Schedules of these numbers, all with the same next time."""
    execute(url, _REGISTER, {"agents": AGENTS, "first": first, "last": last, "next_at": next_at})


def make_due(url: str, *, count: int) -> None:
    """Let so many schedules fall due in two minutes, at a time at which none was due before.

    The remains of this update are cleared away, as they are between two fires of a schedule.
    """
    execute(
        url,
        "UPDATE agent_schedule SET next_at = greatest(date_trunc('second', now()) + interval '2 minutes',"
        " (SELECT max(last_planned_at) FROM agent_schedule) + interval '1 second')"
        " WHERE (agent_id, tenant, name) IN (SELECT 'agent-' || n %% %(agents)s, 'default', 's' || n"
        " FROM generate_series(1, %(count)s) AS n)",
        {"agents": AGENTS, "count": count},
    )
    execute(url, CLEAR)


class TimedDatabase(Database):
    """A connection that keeps how long each statement took, its round trip included."""

    def __init__(self, url: str) -> None:
        settings = DatabaseSettings.from_url(url)
        super().__init__(lambda _refresh: settings)
        #: Statement name to seconds, summed up.
        self.seconds: dict[str, float] = {}
        #: The last run of each statement.
        self.last: dict[str, tuple[Statement, Mapping[str, Any]]] = {}

    def run(
        self, statement: Statement, parameters: Mapping[str, Any] | None = None, **more: Any
    ) -> list[Row]:
        started = time.perf_counter()
        rows = super().run(statement, parameters, **more)
        took = time.perf_counter() - started
        self.last[statement.name] = (statement, parameters or {})
        self.seconds[statement.name] = self.seconds.get(statement.name, 0.0) + took
        return rows


def duties_of(database: Database, queues: Queues, *, connections: int) -> Duties:
    """The dispatcher's duties there."""
    metrics: dict[tuple[str, str | None], EmbeddedMetrics] = {}

    def metrics_for(agent_id: str, lane: str | None = None) -> EmbeddedMetrics:
        fresh = EmbeddedMetrics(stage="bench", agent=agent_id, lane=lane)
        return metrics.setdefault((agent_id, lane), fresh)

    return Duties(
        database=database,
        ledger=Ledger(database),
        queues=queues,
        metrics=metrics_for,
        connections=connections,
    )
