"""What CloudFormation asks of the custom resources, checked before anything is touched.

CloudFormation turns every scalar into a string and keeps properties in clear, so types come from the
manifests' document in S3, and a property that is not known is refused: it may be a secret.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from muster.contracts import ResourceType
from muster.registration.failure import RegistrationFailed

#: Physical ids of registrations begin so; no other id was ever handed out.
_PREFIX = "muster-registration:"

#: The one physical id of a stage's migrations; there is nothing to replace or delete.
MIGRATION_ID = "muster-migration"

#: What CloudFormation and the CDK add by themselves.
_PLATFORM = {"ServiceToken", "ServiceTimeout"}
#: `Logins` is not read: another value of it has the logins made anew.
_MIGRATION = {"Digest", "Folders", "Logins"}
_REGISTRATION = {"Manifests", "Digest", "Stack", "Agents"}
#: What an agent's compute is called, where it is Lambda or a service of ECS.
_COMPUTE = ("function", "cluster", "service", "log_group")
_ENDPOINT = {"queues", "dlq", *_COMPUTE}

#: A folder of the code: no way leads out of it.
_FOLDER = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)*")

#: `user:password@` in a URL.
_CREDENTIALS = re.compile(r"://[^/\s]*:[^/\s]*@")


@dataclass(frozen=True, kw_only=True, slots=True)
class Migrate:
    """Bring the schema up to this code."""

    #: Folders of the agents with migrations, inside the function's code.
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Register:
    """Make a stack's agents those of a document."""

    stack: str
    #: Physical id; a request that creates makes one of its own.
    resource: str
    request_id: str
    bucket: str
    key: str
    #: Agent id -> where its stack put it: queues, dlq, and function or cluster and service.
    endpoints: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Remove:
    """Retire what a custom resource registered."""

    resource: str
    request_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Nothing:
    """Nothing to do: nothing of this id was ever made."""

    resource: str


Request = Migrate | Register | Remove | Nothing


def parse_request(event: Mapping[str, Any]) -> Request:
    """What an event of `cr.Provider` asks for.

    Raises:
        RegistrationFailed: a property is missing, wrong or not known.
    """
    kind, resource = event.get("RequestType"), str(event.get("PhysicalResourceId") or "")
    if kind not in ("Create", "Update", "Delete"):
        raise RegistrationFailed(
            f"RequestType {kind!r}: CloudFormation sends Create, Update or Delete"
        )
    if kind == "Delete":
        # Properties are not looked at: whatever they say, a stack must be able to go.
        if resource.startswith(_PREFIX):
            return Remove(resource=resource, request_id=_text(event, "RequestId"))
        return Nothing(resource=resource)
    properties = _mapping(event, "ResourceProperties")
    match event.get("ResourceType"):
        case ResourceType.MIGRATION:
            _refuse_unknown(properties, _MIGRATION | _PLATFORM, "property")
            return Migrate(folders=_folders(properties))
        case ResourceType.REGISTRATION:
            return _register(event, properties, resource)
        case other:
            raise RegistrationFailed(
                f"ResourceType {other!r}: use {ResourceType.MIGRATION} or {ResourceType.REGISTRATION}"
            )


def _register(event: Mapping[str, Any], properties: Mapping[str, Any], resource: str) -> Register:
    _refuse_unknown(properties, _REGISTRATION | _PLATFORM, "property")
    stack, request_id = _text(properties, "Stack"), _text(event, "RequestId")
    manifests = _mapping(properties, "Manifests")
    _refuse_unknown(manifests, {"Bucket", "Key"}, "Manifests property")
    agents: Mapping[str, Any] = _mapping(properties, "Agents") if properties.get("Agents") else {}
    return Register(
        stack=stack,
        resource=resource if resource.startswith(_PREFIX) else _new_id(stack, request_id),
        request_id=request_id,
        bucket=_text(manifests, "Bucket"),
        key=_text(manifests, "Key"),
        endpoints={agent: _endpoint(agent, _mapping(agents, agent)) for agent in agents},
    )


def _new_id(stack: str, request_id: str) -> str:
    """An id per created resource, the same however often the request is delivered.

    A resource that replaces another gets another id, so that deleting the old one spares the new.
    """
    return f"{_PREFIX}{stack}:{hashlib.sha256(request_id.encode()).hexdigest()[:12]}"


def _endpoint(agent: str, value: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_unknown(value, _ENDPOINT, f"property of agent {agent}")
    queues = _mapping(value, "queues")
    found: dict[str, Any] = {
        "type": "sqs",
        "queues": {lane: _text(queues, lane) for lane in sorted(queues)},
        "dlq": _text(value, "dlq"),
    }
    return found | {name: _text(value, name) for name in _COMPUTE if name in value}


def _folders(properties: Mapping[str, Any]) -> tuple[str, ...]:
    folders = properties.get("Folders", [])
    if not isinstance(folders, list):
        raise RegistrationFailed("property Folders: a list is needed")
    found = [str(folder) for folder in cast("list[object]", folders)]
    if not all(_FOLDER.fullmatch(folder) for folder in found):
        raise RegistrationFailed("property Folders: folders inside the code are needed")
    return tuple(found)


def _refuse_unknown(values: Mapping[str, Any], known: set[str], what: str) -> None:
    # The value is not shown: it may be the secret that does not belong there.
    unknown = sorted(set(values) - known)
    if unknown:
        raise RegistrationFailed(
            f"{what} {', '.join(unknown)} is not known; known are {', '.join(sorted(known - _PLATFORM))}. "
            "Secrets do not belong here, CloudFormation keeps properties in clear: use Secrets Manager"
        )


def _mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = values.get(key)
    if not isinstance(value, Mapping):
        raise RegistrationFailed(f"property {key}: an object is needed")
    return cast("Mapping[str, Any]", value)


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value:
        raise RegistrationFailed(f"property {key}: a text is needed")
    if _CREDENTIALS.search(value):
        raise RegistrationFailed(
            f"property {key} holds a password, and CloudFormation keeps properties in clear: "
            "use Secrets Manager"
        )
    return value
