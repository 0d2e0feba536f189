"""Carries a registration out: one transaction, idempotent, deaf to requests that newer ones overtook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from muster.errors import ConfigurationError
from muster.manifest import Manifest, to_json
from muster.registration.failure import RegistrationFailed
from muster.registration.plan import plan
from muster.registration.row import http_endpoint, row
from muster.registration.schedules import schedule_rows
from muster.registration.webhooks import webhook_rows
from muster.store.registry import Owner, Registry, type_row
from muster.store.schedules import Schedules
from muster.store.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Generator

    from psycopg2 import extensions


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """What a registration changed."""

    changed: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    #: A newer request of the same owner was applied before, so this one was ignored.
    superseded: bool = False


class Registrar:
    """Registers on one connection.

    Args:
        wait_seconds: bound of the wait for another registration that is under way.
    """

    def __init__(self, connection: extensions.connection, *, wait_seconds: float = 30.0) -> None:
        self._connection = connection
        self._registry = Registry(connection)
        self._schedules = Schedules(connection)
        self._webhooks = Webhooks(connection)
        self._wait_seconds = wait_seconds

    def register(
        self,
        *,
        owner: str,
        resource: str,
        request_id: str,
        listing: Mapping[str, type_row],
    ) -> Registered:
        """Make the owner's agents exactly those of the listing.

        Args:
            owner: the stack.
            resource: physical id of the custom resource that this is.
            request_id: the same for every delivery of one request.
            listing: agent id -> row.

        Raises:
            RegistrationFailed: an agent belongs to someone else.
            psycopg2.Error: nothing was changed, or the reply was lost; repeat it.
        """
        return self._apply(owner, resource, request_id, listing)

    def remove(self, *, resource: str, request_id: str) -> Registered:
        """Retire what the custom resource registered; unknown or replaced ones have nothing left to retire.

        Raises:
            psycopg2.Error: nothing was changed, or the reply was lost; repeat it.
        """
        with self._transaction():
            owners = self._registry.owners().values()
        for owner in owners:
            if owner.resource == resource:
                return self._apply(owner.name, None, request_id, {}, only_if=resource)
        return Registered()

    def register_by_hand(self, rows: Iterable[type_row]) -> Registered:
        """Register agents that no stack owns, beside all others.

        Raises:
            RegistrationFailed: a stack owns one of them.
        """
        rows = list(rows)
        with self._transaction():
            active = self._registry.active_owners()
            owned = {
                r["agent_id"]: owner
                for r in rows
                if (owner := active.get(r["agent_id"])) is not None
            }
            if owned:
                raise RegistrationFailed(
                    "; ".join(f"{agent} belongs to stack {owner}" for agent, owner in owned.items())
                    + "; change its manifest and deploy"
                )
            changed = self._registry.upsert(rows, owner=None)
            self._trigger(rows)
            return Registered(changed=tuple(changed))

    def _apply(
        self,
        owner: str,
        resource: str | None,
        request_id: str,
        listing: Mapping[str, type_row],
        *,
        only_if: str | None = None,
    ) -> Registered:
        # In a transaction of its own: a request that fails has come all the same, and is older than the next.
        with self._connection:
            number = self._registry.number_request(request_id, owner=owner)
        with self._transaction():
            owners = self._registry.owners()
            last = owners.get(owner)
            if last is not None and number < last.request:
                return Registered(superseded=True)
            if only_if is not None and (last is None or last.resource != only_if):
                return Registered()
            decided = plan(owner, listing, active=self._registry.active_owners(), owners=owners)
            retired = self._registry.retire(decided.retire, owner=owner)
            changed = self._registry.upsert(decided.register, owner=owner)
            for sibling, rows in decided.hand_back.items():
                changed += self._registry.upsert(rows, owner=sibling)
            returned = [row for rows in decided.hand_back.values() for row in rows]
            self._trigger([*decided.register, *returned], retired=retired)
            self._registry.save_owner(
                Owner(name=owner, resource=resource, request=number, listing=listing)
            )
        return Registered(changed=tuple(sorted(changed)), retired=tuple(sorted(retired)))

    def _trigger(self, rows: Sequence[type_row], *, retired: Sequence[str] = ()) -> None:
        """Bring the triggers of these agents to what their manifests hold; those that are gone have none."""
        agent_ids = {*retired, *(row["agent_id"] for row in rows)}
        manifests = [row["manifest"] for row in rows]
        self._schedules.replace(
            [found for manifest in manifests for found in schedule_rows(manifest)],
            agent_ids=agent_ids,
        )
        self._webhooks.replace(
            [found for manifest in manifests for found in webhook_rows(manifest)],
            agent_ids=agent_ids,
        )

    @contextmanager
    def _transaction(self) -> Generator[None]:
        with self._connection:
            self._registry.serialise(wait_seconds=self._wait_seconds)
            yield


def register_manifests(
    connection: extensions.connection,
    manifests: Iterable[Manifest],
    *,
    endpoints: Mapping[str, Mapping[str, Any]] | None = None,
) -> Registered:
    """Register agents without a deployment: from a CI script, or for services that run elsewhere.

    Args:
        endpoints: agent id -> endpoint, for agents whose manifest does not say where they are reached:
            `{"type": "sqs", "queues": {"normal": url}, "dlq": url}`.

    Raises:
        ConfigurationError: an agent has no endpoint.
        RegistrationFailed: a stack owns one of the agents.
    """
    rows: list[type_row] = []
    for manifest in manifests:
        document = to_json(manifest)
        endpoint = (endpoints or {}).get(manifest.id) or http_endpoint(document)
        if endpoint is None:
            raise ConfigurationError(
                f"{manifest.id} has no endpoint: deploy it, or say where its queue is"
            )
        rows.append(row(document, endpoint))
    return Registrar(connection).register_by_hand(rows)
