"""FAULT 50 further: requests that fail, come together, or lose their replies."""

from __future__ import annotations

import threading
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from muster.registration import RegistrationFailed
from tests.support.registration import Stack, active_agents, agent, execute, rows, service


def test_fault_50_a_request_that_failed_does_not_come_true_after_its_roll_back(database_url: str):
    # Given an update that fails when it is first delivered
    stack = Stack("muster-dev-agents-0", service(database_url))
    stack.create(agent("one"))
    Stack("other-agents-0", service(database_url)).create(agent("taken"))
    with pytest.raises(RegistrationFailed):
        stack.update(agent("one", retries=7), agent("taken"))
    failed = stack.sent[-1]
    stack.update(agent("one"))  # the roll-back

    # When what failed it is gone, and it is delivered once more
    execute(database_url, "DELETE FROM agent_registry WHERE agent_id = 'taken'")
    stack.deliver(failed)

    # Then the roll-back holds
    assert active_agents(database_url) == {"one": stack.name}
    assert rows(database_url, "SELECT retries FROM agent_registry") == [{"retries": 4}]


def test_fault_50_the_same_request_at_once_in_eight_threads(database_url: str):
    # Given eight deliveries of one request that start together
    stack = Stack("muster-dev-agents-0", service(database_url))
    event = stack._event("Create", (agent("one"), agent("two")))
    barrier, replies = threading.Barrier(8), list[dict[str, Any]]()

    def deliver():
        barrier.wait(timeout=120)
        replies.append(stack.service.answer(event, seconds=120))

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    # Then all name the same resource, and one of them wrote
    assert len({reply["PhysicalResourceId"] for reply in replies}) == 1
    assert sorted(reply["Data"]["Changed"] for reply in replies) == ["0"] * 7 + ["2"]


class LosesReplies(extensions.connection):
    """Commits, and then loses the connection before the reply comes; the third and each fifth after it."""

    commits = 0

    def commit(self) -> None:
        super().commit()
        LosesReplies.commits += 1
        if LosesReplies.commits % 5 == 3:
            raise psycopg2.OperationalError("server closed the connection unexpectedly")


def test_fault_50_a_lost_reply_to_commit_is_repeated_without_harm(database_url: str):
    # Given a database whose replies to COMMIT get lost now and then
    lossy = service(lambda _: psycopg2.connect(database_url, connection_factory=LosesReplies))
    stack = Stack("muster-dev-agents-0", lossy)

    # When a stack is created, changed and removed on it
    stack.create(agent("one"), agent("two"))
    stack.update(agent("one", version="2.0.0"))
    assert active_agents(database_url) == {"one": stack.name}
    stack.delete()

    # Then each came true once
    assert LosesReplies.commits > 6
    found = rows(
        database_url, "SELECT agent_id, agent_version, active FROM agent_registry ORDER BY 1, 2"
    )
    assert [tuple(row.values()) for row in found] == [
        ("one", "1.0.0", False),
        ("one", "2.0.0", False),
        ("two", "1.0.0", False),
    ]
