"""Answers CloudFormation's custom resources: `migrate` and `register`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never, cast

from muster.clock import Clock
from muster.errors import MusterError, RetryableError
from muster.ports import Objects
from muster.registration.failure import RegistrationFailed
from muster.registration.patience import Patience
from muster.registration.registrar import Registered, Registrar
from muster.registration.request import (
    MIGRATION_ID,
    Migrate,
    Nothing,
    Register,
    Remove,
    parse_request,
)
from muster.registration.row import http_endpoint, row
from muster.store.migrate import MigrationReport, check_schema, migrate
from muster.store.migration import agent_migrations
from muster.store.registry import type_row

if TYPE_CHECKING:
    from psycopg2 import extensions

#: A stack's manifests; 200 agents with schemas take some hundred KiB.
_MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationService:
    """Everything an answer needs."""

    #: Opens a connection whose calls are each bounded by so many seconds.
    connect: Callable[[float], extensions.connection]
    objects: Objects
    clock: Clock
    log: logging.Logger
    #: Brings the logins of the stage's components, and their secrets, in line with a migrated database.
    keep_logins: Callable[[extensions.connection], object]
    #: Folder of the function's code.
    root: Path = field(default_factory=Path)

    def answer(self, event: Mapping[str, Any], *, seconds: float) -> dict[str, Any]:
        """The reply to an event of `cr.Provider`: `PhysicalResourceId` and a little `Data`.

        Args:
            seconds: how long it may take, the last word included.

        Raises:
            RegistrationFailed: why not, in less than 1 KB and without a secret.
        """
        # A try may overrun by the time that a connection takes to be refused.
        margin = min(20.0, seconds / 4)
        patience = Patience(
            self.connect, clock=self.clock, give_up=self.clock.monotonic() + seconds - margin
        )
        try:
            return self._answer(event, patience)
        except RegistrationFailed as failure:
            self._log(event, failure)
            raise
        except MusterError as error:
            failure = RegistrationFailed(f"{error.code}: {error}")
            self._log(event, failure)
            raise failure from error

    def _log(self, event: Mapping[str, Any], failure: RegistrationFailed) -> None:
        # CloudFormation gets as much of the reason as fits; the whole of it is here.
        self.log.error("%s failed: %s", event.get("RequestType"), failure.reason)

    def _answer(self, event: Mapping[str, Any], patience: Patience) -> dict[str, Any]:
        request = parse_request(event)
        match request:
            case Nothing():
                return _reply(request.resource, {})
            case Migrate():
                agents = agent_migrations(self.root / folder for folder in request.folders)
                report = patience.run(
                    lambda connection: migrate(
                        connection,
                        agents=agents,
                        wait_seconds=patience.remaining,
                        clock=self.clock,
                    )
                )
                patience.run(self.keep_logins)
                return self._migrated(report)
            case Register():
                listing = self._listing(request, patience)
                return self._registered(
                    request.resource,
                    patience.run(lambda c: _register(c, request, listing, patience)),
                )
            case Remove():
                return self._registered(
                    request.resource, patience.run(lambda c: _remove(c, request, patience))
                )
            case _:
                assert_never(request)

    def _listing(self, request: Register, patience: Patience) -> dict[str, type_row]:
        documents = _documents(self._document(request, patience))
        rows: dict[str, type_row] = {}
        for document in documents:
            agent = str(document.get("id"))
            endpoint = request.endpoints.get(agent) or http_endpoint(document)
            if endpoint is None:
                raise RegistrationFailed(f"property Agents says nothing of agent {agent}")
            rows[agent] = row(document, endpoint)
        unknown = sorted(request.endpoints.keys() - rows.keys())
        if unknown:
            raise RegistrationFailed(
                f"property Agents names {', '.join(unknown)} without a manifest"
            )
        return rows

    def _document(self, request: Register, patience: Patience) -> bytes:
        give_up = self.clock.monotonic() + patience.remaining
        while True:
            try:
                return self.objects.get(request.bucket, request.key, max_bytes=_MAX_DOCUMENT_BYTES)
            except RetryableError:
                if self.clock.monotonic() + 1 >= give_up:
                    raise
                self.clock.sleep(1)

    def _migrated(self, report: MigrationReport) -> dict[str, Any]:
        if report.invalid_indexes:
            self.log.warning("invalid indexes: drop and rebuild them: %s", report.invalid_indexes)
        self.log.info("migrated to %04d: %s", report.version, report.applied or "nothing to do")
        data = {"Version": f"{report.version:04}", "Applied": str(len(report.applied))}
        return _reply(MIGRATION_ID, data)

    def _registered(self, resource: str, registered: Registered) -> dict[str, Any]:
        self.log.info(
            "registered %s: changed %s, retired %s%s",
            resource,
            registered.changed,
            registered.retired,
            ", ignored: a newer request came first" if registered.superseded else "",
        )
        data = {"Changed": str(len(registered.changed)), "Retired": str(len(registered.retired))}
        return _reply(resource, data)


def _register(
    connection: extensions.connection,
    request: Register,
    listing: Mapping[str, type_row],
    patience: Patience,
) -> Registered:
    check_schema(connection)
    return Registrar(connection, wait_seconds=patience.remaining).register(
        owner=request.stack,
        resource=request.resource,
        request_id=request.request_id,
        listing=listing,
    )


def _remove(connection: extensions.connection, request: Remove, patience: Patience) -> Registered:
    from psycopg2.errors import UndefinedTable

    registrar = Registrar(connection, wait_seconds=patience.remaining)
    try:
        return registrar.remove(resource=request.resource, request_id=request.request_id)
    except UndefinedTable:
        return Registered()  # no tables, nothing registered: the stack may go


def _documents(content: bytes) -> list[Mapping[str, Any]]:
    try:
        documents = json.loads(content)
    except ValueError as error:
        raise RegistrationFailed(f"the manifests in S3 are not JSON: {error}") from error
    if not isinstance(documents, list):
        raise RegistrationFailed("the manifests in S3 are not a list")
    found = cast("list[Any]", documents)
    if not all(isinstance(document, Mapping) for document in found):
        raise RegistrationFailed("the manifests in S3 are not a list of objects")
    return cast("list[Mapping[str, Any]]", found)


def _reply(resource: str, data: Mapping[str, str]) -> dict[str, Any]:
    return {"PhysicalResourceId": resource, "Data": dict(data)}
