"""`/v1/instances`: the processes that can do the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muster.api.answer import Answer
from muster.api.problem import conflict, invalid, not_found
from muster.api.registry.schemas import REGISTRY_SCHEMAS
from muster.fleet import HEARTBEAT_SECONDS, STALE_SECONDS, staleness_problem
from muster.keys.access import Role
from muster.store.tenant_instances import Beat, Search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from muster.api.route import Call
    from muster.api.services import Services
    from muster.model import JsonObject

#: Instances of an answer unless the caller says otherwise.
USUAL = 100

#: What an instance that is not there, or not any more, is told to do.
REGISTER_AGAIN = "there is no such instance, or it has deregistered; register it again"

_VIEW = tuple(REGISTRY_SCHEMAS["Instance"]["properties"])


def register(call: Call, services: Services) -> Answer:
    """Register an instance: 201; one that is known is what it says from now on: 200."""
    instance_id = call.body["instance_id"]
    made = registered(call, services, instance_id, call.body)
    return Answer(
        status=201 if made else 200, value=shown(the_instance(call, services, instance_id))
    )


def registered(call: Call, services: Services, instance_id: str, said: Mapping[str, Any]) -> bool:
    """Register an instance for the caller's tenant; whether it is new.

    Args:
        said: what `InstanceRegistration` has besides the id.

    Raises:
        Problem: another tenant has that id (409), or the times do not go together (422).
    """
    problem = staleness_problem(
        said.get("heartbeat_seconds", HEARTBEAT_SECONDS), said.get("stale_seconds", STALE_SECONDS)
    )
    if problem:
        raise invalid(problem)
    facts = {k: v for k, v in said.items() if k not in ("instance_id", "agents", "status")}
    endpoint: Mapping[str, Any] = said.get("endpoint") or {}
    made = services.instances(call.tenant).register(
        instance_id,
        facts={
            **facts,
            "url": said.get("url") or endpoint.get("url"),
            "reported": said.get("status"),
        },
        agents=said.get("agents", ()),
    )
    if made is None:
        raise conflict("instance_taken", "another tenant has an instance of that id; take another")
    return made


def discover(call: Call, services: Services) -> Answer:
    """Instances that fit, the healthiest first."""
    query = call.query
    found = services.instances(call.tenant).discover(
        Search(
            agent_id=query.get("agent_id"),
            agent_type=query.get("agent_type"),
            condition=query.get("status"),
            capabilities=words(query.get("capabilities")),
            services=words(query.get("services")),
            tags=words(query.get("tags")),
            min_health=float(query.get("min_health_score", 0)),
            limit=query.get("limit", USUAL),
        )
    )
    return Answer(value={"instances": [shown(instance) for instance in found]})


def detail(call: Call, services: Services) -> Answer:
    """One instance as it is now."""
    return Answer(value=shown(the_instance(call, services, call.path_values["id"])))


def heartbeat(call: Call, services: Services) -> Answer:
    """The instance is alive; an operator's order about it stays."""
    instance_id = call.path_values["id"]
    body = call.body
    at = beaten(
        call,
        services,
        instance_id,
        Beat(
            reported=body.get("status"),
            running_jobs=body.get("running_jobs"),
            capacity=body.get("capacity"),
            load_metrics=body.get("load_metrics"),
        ),
    )
    return Answer(value={"instance_id": instance_id, "last_heartbeat": at})


def beaten(call: Call, services: Services, instance_id: str, beat: Beat) -> str:
    """Note a heartbeat; its time.

    Raises:
        Problem: there is no such instance, or it has deregistered (404).
    """
    at = services.instances(call.tenant).beat(instance_id, beat)
    if at is None:
        raise not_found(REGISTER_AGAIN)
    return at


def report(call: Call, services: Services) -> Answer:
    """What an instance says it is (role `agent`), or is to be (others): an order outlives heartbeats."""
    return Answer(value=shown(reported(call, services)))


def reported(call: Call, services: Services) -> JsonObject:
    """Note a status; the instance as it is then.

    Raises:
        Problem: there is no such instance, or it has deregistered (404).
    """
    instance_id = call.path_values["id"]
    noted = services.instances(call.tenant).report(
        instance_id,
        condition=call.body["status"],
        load_metrics=call.body.get("load_metrics"),
        by_operator=call.principal is not None and call.principal.role is not Role.AGENT,
    )
    if not noted:
        raise not_found(REGISTER_AGAIN)
    return the_instance(call, services, instance_id)


def deregister(call: Call, services: Services) -> Answer:
    """The instance ends; what is known of it stays."""
    return Answer(value=shown(deregistered(call, services, call.path_values["id"])))


def deregistered(call: Call, services: Services, instance_id: str) -> JsonObject:
    """End an instance; what is left of it.

    Raises:
        Problem: there is no such instance (404).
    """
    if not services.instances(call.tenant).deregister(instance_id):
        raise not_found("there is no such instance")
    return the_instance(call, services, instance_id)


def the_instance(call: Call, services: Services, instance_id: str) -> JsonObject:
    """An instance of the caller's tenant.

    Raises:
        Problem: there is none (404).
    """
    found = services.instances(call.tenant).find(instance_id)
    if found is None:
        raise not_found("there is no such instance; GET /v1/instances lists them")
    return found


def shown(instance: JsonObject) -> JsonObject:
    """The instance as `/v1` shows it."""
    return {name: instance["condition" if name == "status" else name] for name in _VIEW}


def words(text: str | None) -> list[str]:
    """Words of a query, separated by commas."""
    return [word for part in (text or "").split(",") if (word := part.strip())]
