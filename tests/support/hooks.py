"""A webhook on the API of these tests, and a sender that shares its secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from muster.contracts import hook_secret_name
from muster.hooks.schemes import scheme
from muster.hooks.secret import HookSecret
from tests.support.api_calls import AGENT, STAGE, Api, Reply
from tests.support.secrets import MemorySecrets

SCHEMES = ("standard-webhooks", "github", "stripe", "slack", "hmac")
#: Schemes that sign a time.
TIMED = ("standard-webhooks", "stripe", "slack")


@dataclass(kw_only=True)
class Sender:
    """Posts signed deliveries to one webhook."""

    api: Api
    verify: str
    name: str
    secret: str

    @property
    def path(self) -> str:
        return f"/hooks/{AGENT}/{self.name}"

    def body(self, delivery: str, **more: Any) -> bytes:
        """A body that names its delivery in every way that a scheme may look for."""
        return json.dumps({"id": delivery, "event_id": delivery, **more}).encode()

    def signed(
        self,
        body: bytes,
        *,
        delivery: str = "msg_1",
        ago: timedelta = timedelta(0),
        secret: str | None = None,
    ) -> dict[str, str]:
        """The headers of a delivery."""
        way = scheme(self.verify)
        now = datetime.now(UTC) - ago
        return dict(way.sign(body, secret=secret or self.secret, delivery=delivery, now=now))

    def post(
        self,
        body: bytes | None = None,
        *,
        delivery: str = "msg_1",
        headers: Mapping[str, str] | None = None,
        api: Api | None = None,
        **signing: Any,
    ) -> Reply:
        """Sign and post; `headers` come on top of the signed ones."""
        body = self.body(delivery) if body is None else body
        signed = self.signed(body, delivery=delivery, **signing)
        return self.send(body, {**signed, **(headers or {})}, api=api)

    def send(self, body: bytes, headers: Mapping[str, str], *, api: Api | None = None) -> Reply:
        """Post exactly this."""
        return (api or self.api).call("POST", self.path, raw=body, headers=headers, key="")

    def keep(self, secret: HookSecret) -> None:
        """What Secrets Manager has from now on."""
        assert isinstance(self.api.secrets, MemorySecrets)
        name = hook_secret_name(stage=STAGE, agent_id=AGENT, name=self.name)
        self.api.secrets.stored[name] = json.dumps(secret.to_json())


#: Makes a webhook of the agent `counter`: scheme, name, columns.
NewSender = Callable[..., Sender]


@pytest.fixture
def new_sender(api: Api) -> NewSender:
    """`new_sender("github")`: a webhook with that scheme, and who holds its secret."""

    def make(verify: str = "standard-webhooks", name: str = "chat", **columns: Any) -> Sender:
        values = {"agent_id": AGENT, "name": name, "verify": verify, **columns}
        names, places = ", ".join(values), ", ".join(["%s"] * len(values))
        api.query(f"INSERT INTO webhook_endpoint ({names}) VALUES ({places})", *values.values())
        sender = Sender(api=api, verify=verify, name=name, secret=scheme(verify).new_secret())
        sender.keep(HookSecret(current=sender.secret))
        return sender

    return make


def executions(api: Api) -> list[dict[str, Any]]:
    """All there are."""
    return api.query("SELECT * FROM agent_job_execution ORDER BY created_at, execution_id")
