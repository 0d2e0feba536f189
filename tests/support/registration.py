"""CloudFormation's side of the registration: stacks that create, update, roll back and delete."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions

from muster.clock import Clock, SystemClock
from muster.manifest import Manifest, Queue, to_json
from muster.registration.service import RegistrationService
from tests.support.objects import MemoryObjects

EVENTS = Path(__file__).parents[1] / "events" / "registration"

#: Tables that registration keeps for itself.
BOOKKEEPING = ("registration_owner", "registration_request", "schema_migration")

_numbers = count(1)


def agent(agent_id: str, **changes: Any) -> Manifest:
    """A manifest with nothing special about it but the changes."""
    values: dict[str, Any] = {
        "id": agent_id,
        "name": agent_id,
        "version": "1.0.0",
        "compute": "lambda",
        "timeout": timedelta(minutes=2),
        "queue": Queue(batch=7),
    }
    return Manifest(**{**values, **changes})


def stringified(value: Any) -> Any:
    """As CloudFormation hands properties over: every scalar a string."""
    if isinstance(value, Mapping):
        return {key: stringified(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [stringified(entry) for entry in value]
    return value if isinstance(value, str) else json.dumps(value)


def endpoint(stack: str, agent_id: str) -> dict[str, Any]:
    """Where a stack put an agent."""
    url = f"https://sqs.eu-central-1.amazonaws.com/123456789012/{stack}-{agent_id}"
    return {"queues": {"normal": url}, "dlq": f"{url}-dlq", "function": f"{stack}-{agent_id}"}


@dataclass
class Stack:
    """One agents stack as CloudFormation sees it."""

    name: str
    service: RegistrationService
    #: Physical id of its resource.
    resource: str | None = None
    #: Every event sent, the last at the end.
    sent: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 120.0

    def create(self, *manifests: Manifest) -> dict[str, Any]:
        """Deploy it for the first time, or replace its resource by another."""
        event = self._event("Create", manifests)
        reply = self.deliver(event)
        self.resource = reply["PhysicalResourceId"]
        return reply

    def update(self, *manifests: Manifest) -> dict[str, Any]:
        """Deploy it anew; a roll-back is an update to what was before."""
        return self.deliver(self._event("Update", manifests))

    def delete(self, resource: str | None = None) -> dict[str, Any]:
        """Remove the resource, or one that an update replaced."""
        event = self._event("Delete", ())
        return self.deliver({**event, "PhysicalResourceId": resource or self.resource})

    def deliver(self, event: dict[str, Any]) -> dict[str, Any]:
        """Send an event, perhaps not for the first time."""
        self.sent.append(event)
        reply = self.service.answer(json.loads(json.dumps(event)), seconds=self.seconds)
        assert len(json.dumps({"Status": "SUCCESS", **reply})) < 4096
        return reply

    def _event(self, kind: str, manifests: tuple[Manifest, ...]) -> dict[str, Any]:
        event = json.loads((EVENTS / "create.json").read_text("utf-8"))
        document = [to_json(manifest) for manifest in manifests]
        key = f"{hashlib.sha256(json.dumps(document).encode()).hexdigest()}.json"
        self.service.objects.put_json("assets", key, document)
        event["ResourceProperties"] |= {
            "Manifests": {"Bucket": "assets", "Key": key},
            "Stack": self.name,
            "Agents": {m.id: endpoint(self.name, m.id) for m in manifests},
        }
        event["RequestType"] = kind
        event["RequestId"] = f"request-{next(_numbers)}"
        if kind != "Create":
            event["PhysicalResourceId"] = self.resource
        return stringified(event)


def service(
    connect: str | Callable[[float], extensions.connection], *, clock: Clock | None = None
) -> RegistrationService:
    """The service on a database, with assets in memory."""
    objects = MemoryObjects()
    objects.create("assets")
    if isinstance(connect, str):
        url = connect
        connect = lambda _: psycopg2.connect(url)  # noqa: E731 - the shortest way to say it
    return RegistrationService(
        connect=connect,
        objects=objects,
        clock=clock or SystemClock(),
        log=logging.getLogger("register"),
        keep_logins=lambda _: None,
    )


def execute(url: str, sql: str) -> None:
    """Run a statement as an operator would."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql)


def rows(url: str, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    """What a query finds, by column."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def active_agents(url: str) -> dict[str, str]:
    """Agent id -> owner, of the active versions."""
    found = rows(url, "SELECT agent_id, owner FROM agent_registry WHERE active ORDER BY agent_id")
    return {row["agent_id"]: row["owner"] for row in found}


def whole_tables(url: str) -> dict[str, list[str]]:
    """Every row of every table but the bookkeeping, system columns included: an update that writes the
    same values shows too.
    """
    tables = rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {
        table["tablename"]: [
            row["line"]
            for row in rows(
                url,
                f"SELECT t.xmin::text || t.ctid::text || t::text AS line"
                f" FROM {table['tablename']} t ORDER BY 1",
            )
        ]
        for table in tables
        if table["tablename"] not in BOOKKEEPING
    }
