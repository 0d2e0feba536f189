"""The HTTP API in this process on a real database: calls as API Gateway hands them over."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import pytest

from muster.api.application import Application
from muster.api.openapi import openapi
from muster.api.routes import ROUTES
from muster.api.services import Services
from muster.clock import SystemClock
from muster.dispatcher.lane_choice import LaneChoice
from muster.hooks.shared_secrets import SharedSecrets
from muster.keys.access import Role, Scope
from muster.keys.remembered import RememberedKeys
from muster.keys.signing import SigningKeys
from muster.keys.token import Tokens
from muster.ports import Queues, Secrets
from muster.store.at_once import AtOnce
from muster.store.call_rate import CallRate, Rate
from muster.store.connection import Database, administer
from muster.store.hooks import Hooks
from muster.store.key_changes import KeyChanges
from muster.store.keys import Keys
from muster.store.settings import DatabaseSettings
from tests.support.clerk import database_of, query
from tests.support.logins import API, DISPATCHER, as_login
from tests.support.objects import MemoryObjects
from tests.support.queues import MemoryQueues
from tests.support.secrets import MemorySecrets
from tests.support.timepiece import Timepiece

AGENT = "counter"
STAGE = "test"
QUEUE = "memory://counter-normal"
URGENT = "memory://counter-urgent"
SIGNING = "token-key"
DEAD = "memory://counter-dead"
PLENTY = Rate(per_second=1000, burst=1000)
_SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a caller gets."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body; of plain text the text itself."""
        plain = self.headers["Content-Type"].startswith("text/")
        return self.text if plain else json.loads(self.text)


def _memory_queues() -> MemoryQueues:
    queues = MemoryQueues(clock=Timepiece())  # nobody sends while a receive waits
    for url in (QUEUE, URGENT, DEAD):
        queues.create(url.removeprefix("memory://"))
    return queues


def _memory_objects() -> MemoryObjects:
    objects = MemoryObjects()
    objects.create("results")
    return objects


@dataclass(kw_only=True)
class Api:
    """One process of the API; several may share a database."""

    url: str
    database: Database
    queues: Queues = field(default_factory=_memory_queues)
    objects: MemoryObjects = field(default_factory=_memory_objects)
    rate: Rate = PLENTY
    hook_rate: Rate = PLENTY
    secrets: MemorySecrets = field(default_factory=MemorySecrets)
    #: Where the secrets of webhooks are; None: with the others.
    hook_secrets: Secrets | None = None
    #: The key of calls that name none.
    key: str = ""

    def __post_init__(self) -> None:
        log = logging.getLogger("api-test")
        clock = SystemClock()
        self.secrets.stored.setdefault(SIGNING, json.dumps({"key": "k" * 64}))
        signing = SigningKeys(secrets=self.secrets, secret=SIGNING, clock=clock)
        services = Services(
            stage=STAGE,
            database=self.database,
            keys=RememberedKeys(Keys(self.database, rate=self.rate)),
            tokens=Tokens(keys=signing, clock=clock),
            rate=CallRate(self.database, rate=self.rate),
            at_once=AtOnce(self.database, rate=self.rate),
            queues=self.queues,
            objects=self.objects,
            archive_bucket="results",
            lanes=LaneChoice(log),
            hooks=Hooks(self.database),
            hook_rate=CallRate(self.database, rate=self.hook_rate),
            hook_secrets=SharedSecrets(self.hook_secrets or self.secrets, stage=STAGE, clock=clock),
            clock=clock,
            log=log,
        )
        self.application = Application(routes=ROUTES, services=services)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        raw: bytes | None = None,
        query: Mapping[str, Any] | str = "",
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Reply:
        """One call. `raw` is the body as bytes, `query` a mapping or as it stands in the URL."""
        sent = json.dumps(body).encode() if body is not None else raw
        given = {"content-type": "application/json"} if sent is not None else {}
        key = self.key if key is None else key
        if key:
            given["authorization"] = f"Bearer {key}"
        answer = self.application.answer(
            event(method, path, sent, query, {**given, **(headers or {})}), None
        )
        reply = Reply(
            status=answer["statusCode"], headers=answer["headers"], text=answer.get("body") or ""
        )
        assert_documented(method, path, reply)
        return reply

    def new_key(
        self,
        role: Role = Role.OPERATOR,
        *,
        tenant: str = "default",
        scopes: list[Scope] | None = None,
    ) -> str:
        """The text of a new key."""
        with closing(administer(DatabaseSettings.from_url(self.url))) as connection:
            connection.autocommit = True
            key, _ = KeyChanges(connection).create(
                name="test", role=role, tenant=tenant, scopes=scopes, lifetime=None, by=None
            )
        return key.text

    @contextmanager
    def dispatching(self) -> Iterator[Database]:
        """The same database, as the dispatcher gets in."""
        with closing(database_of(as_login(self.url, DISPATCHER))) as database:
            yield database

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of the database."""
        return query(self.url, statement, *parameters)


def assert_documented(method: str, path: str, reply: Reply) -> None:
    """Hold an answer to the API's document: its status, its media type and its schema."""
    fitting = [route for route in ROUTES if route.method == method and route.fits(path)]
    if not fitting:
        assert reply.status in {404, 405}
        validator = _validator_of_problems()
    else:
        answers = _document()["paths"][fitting[0].path][method.lower()]["responses"]
        assert str(reply.status) in answers, (method, path, reply)
        kind = reply.headers["Content-Type"].partition(";")[0]
        validator = _validator(fitting[0].path, method.lower(), str(reply.status), kind)
    json_said = reply.headers["Content-Type"].endswith("json")
    validator.validate(reply.json if json_said else reply.text)


@cache
def _document() -> dict[str, Any]:
    """The API's document, and below validators by it: made once, for thousands of answers."""
    return openapi()


@cache
def _validator(path: str, method: str, status: str, kind: str) -> Any:
    answer = _document()["paths"][path][method]["responses"][status]
    return _validator_by(answer["content"][kind]["schema"])


@cache
def _validator_of_problems() -> Any:
    return _validator_by({"$ref": "#/components/schemas/Problem"})


def _validator_by(schema: Mapping[str, Any]) -> Any:
    return jsonschema_rs.validator_for({**schema, "components": _document()["components"]})


def event(
    method: str,
    path: str,
    body: bytes | None,
    query: Mapping[str, Any] | str,
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """An event of payload version 2.0; the body in base64, as the gateway sends what is no plain text."""
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query if isinstance(query, str) else urlencode(query),
        "headers": dict(headers),
        "requestContext": {
            "stage": "$default",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1"},
            "requestId": "request-1",
        },
        "isBase64Encoded": body is not None,
    }
    if body is not None:
        made["body"] = base64.b64encode(body).decode()
    return made


@pytest.fixture
def api(database_url: str) -> Iterator[Api]:
    """The API with an agent `counter` of two lanes, called with an operator's key."""
    endpoint = {"type": "sqs", "queues": {"normal": QUEUE, "urgent": URGENT}, "dlq": DEAD}
    query(
        database_url,
        "INSERT INTO agent_registry (agent_id, agent_version, retries, endpoint, input_schema)"
        " VALUES (%s, '1.2.0', 2, %s, %s), ('http-fetch', '1.0.0', 3, %s, NULL)",
        AGENT,
        json.dumps(endpoint),
        json.dumps(_SCHEMA),
        json.dumps(endpoint),
    )
    made = Api(url=database_url, database=database_of(as_login(database_url, API)))
    made.key = made.new_key()
    yield made
    made.database.close()
