"""The local cloud of a game: its ledger, its dispatcher, its alarms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg2

from muster.contracts import DispatcherEnvironment
from muster.manifest import load_agents
from tests.support.deployed import DeployedCopy
from tests.support.gameday.alarm import Alarm, alarms
from tests.support.gameday.measured import Measured
from tests.support.gameday.taken_out import taken_out

#: Who an alarm that is no agent's is about.
OWNERS = {
    "dispatcher": "The dispatcher (local)",
    "api": "The HTTP API (local)",
    "database": "The database (local)",
}
_STACKS = ("agents-0", "dispatcher", "api")


@dataclass(kw_only=True)
class GameCloud:
    """A deployed copy, as a game looks at it."""

    copy: DeployedCopy
    _elsewhere: str = ""

    def __post_init__(self) -> None:
        _ = self.measured  # from here on

    @property
    def database_url(self) -> str:
        """Of the ledger, as it is now."""
        return self._elsewhere or self.copy.described["database_url"]

    @contextmanager
    def at(self, url: str) -> Iterator[None]:
        """Inside the block the ledger is another database, or has another password."""
        before, self._elsewhere = self._elsewhere, url
        try:
            yield
        finally:
            self._elsewhere = before

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement on the ledger; what it changes is committed."""
        opened = closing(psycopg2.connect(self.database_url))
        with opened as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    @cached_property
    def schedule(self) -> str:
        """Name of the dispatcher's schedule."""
        [found] = self.copy.aws.client("scheduler").list_schedules()["Schedules"]
        return found["Name"]

    @cached_property
    def dispatcher(self) -> str:
        """Name of the dispatcher's function."""
        functions = self.copy.aws.client("lambda").list_functions()["Functions"]
        handler = "lambdas.scheduler.handler.handler"
        [found] = [f["FunctionName"] for f in functions if f["Handler"] == handler]
        return found

    def variable(self, field_: str) -> str:
        """What the dispatcher is told."""
        told = self.copy.aws.client("lambda").get_function_configuration(
            FunctionName=self.dispatcher
        )
        return told["Environment"]["Variables"][DispatcherEnvironment.variable(field_)]

    @cached_property
    def measured(self) -> Measured:
        """What is emitted."""
        told = self.copy.aws.client("lambda").get_function_configuration(
            FunctionName=self.dispatcher
        )
        return Measured(
            copy=self.copy,
            dispatcher_logs=told["LoggingConfig"]["LogGroup"],
            dispatcher_function=self.dispatcher,
        )

    @cached_property
    def alarms(self) -> list[Alarm]:
        """Those that are deployed, and those that the emulator could not hold."""
        roots = (self.copy.agents, self.copy.path / "local" / "agents")
        return [
            *(alarm for stack in _STACKS for alarm in self._deployed(f"muster-local-{stack}")),
            *taken_out(load_agents(roots)),
        ]

    def _deployed(self, stack: str) -> list[Alarm]:
        pages = self.copy.aws.client("cloudformation").get_paginator("list_stack_resources")
        names = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"].rpartition("/")[2]
            for page in pages.paginate(StackName=stack)
            for resource in page["StackResourceSummaries"]
        }
        file = self.copy.checkout.synthesised / f"{stack}.template.json"
        return alarms(json.loads(file.read_text("utf-8")), name_of=lambda id_: names.get(id_, id_))

    def alarm(self, name: str, of: str) -> Alarm:
        """The alarm of that name about an agent, or about a component."""
        owner = OWNERS.get(of, f"Agent {of} (local)")
        [found] = [a for a in self.alarms if (a.name, a.owner) == (name, owner)]
        return found
