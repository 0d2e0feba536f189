"""Webhooks come, change and go with their manifests, in the transaction that registers them."""

from __future__ import annotations

from typing import Any

import pytest

from muster.manifest import Webhook
from tests.support.registration import Stack, agent, execute, rows, service, whole_tables

CHAT = Webhook(name="chat")
SHOP = Webhook(
    name="shop",
    verify="hmac",
    signature_header="x-shop-hmac",
    headers=("x-shop-topic",),
    priority="high",
)


@pytest.fixture
def stack(database_url: str) -> Stack:
    return Stack("muster-dev-agents-0", service(database_url))


def webhooks(url: str) -> dict[str, Any]:
    """Name -> whether it is retired."""
    found = rows(url, "SELECT name, retired_at IS NOT NULL AS retired FROM webhook_endpoint")
    return {row["name"]: row["retired"] for row in found}


def test_a_deployment_makes_the_webhooks_of_its_manifests(database_url: str, stack: Stack):
    stack.create(agent("one", webhooks=(CHAT, SHOP)), agent("two"))
    found = rows(
        database_url,
        "SELECT agent_id, name, tenant, verify, signature_header, headers, priority, owner"
        " FROM webhook_endpoint ORDER BY name",
    )
    assert [tuple(row.values()) for row in found] == [
        ("one", "chat", "default", "standard-webhooks", None, [], "normal", "manifest"),
        ("one", "shop", "default", "hmac", "x-shop-hmac", ["x-shop-topic"], "high", "manifest"),
    ]


def test_the_same_deployment_again_changes_no_webhook(database_url: str, stack: Stack):
    stack.create(agent("one", webhooks=(CHAT, SHOP)))
    before = whole_tables(database_url)
    stack.update(agent("one", webhooks=(CHAT, SHOP)))
    assert whole_tables(database_url) == before


def test_a_webhook_that_is_gone_is_retired_and_may_come_back(database_url: str, stack: Stack):
    stack.create(agent("one", webhooks=(CHAT, SHOP)))
    stack.update(agent("one", webhooks=(SHOP,)))
    assert webhooks(database_url) == {"chat": True, "shop": False}
    stack.update(agent("one", webhooks=(CHAT, SHOP)))
    assert webhooks(database_url) == {"chat": False, "shop": False}
    stack.delete()
    assert webhooks(database_url) == {"chat": True, "shop": True}


def test_an_agent_that_moves_to_another_stack_keeps_its_webhooks(database_url: str, stack: Stack):
    other = Stack("muster-dev-agents-1", stack.service)
    stack.create(agent("one", webhooks=(CHAT,)))
    other.create(agent("one", webhooks=(CHAT,)))
    stack.update()
    assert webhooks(database_url) == {"chat": False}


def test_a_webhook_that_was_made_by_hand_stays(database_url: str, stack: Stack):
    stack.create(agent("one", webhooks=(CHAT,)))
    execute(database_url, "INSERT INTO webhook_endpoint (agent_id, name) VALUES ('one', 'mine')")
    stack.update(agent("one"))
    assert webhooks(database_url) == {"chat": True, "mine": False}
