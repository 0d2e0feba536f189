"""Which stack an agent belongs to: it moves between the shards of a stage, and nowhere else."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from muster.registration import RegistrationFailed, register_manifests
from tests.support.registration import Stack, active_agents, agent, rows, service, whole_tables


def test_an_agent_moves_between_shards_when_the_new_one_comes_first(database_url: str):
    # Given an agent in shard 0
    old = Stack("muster-dev-agents-0", service(database_url))
    new = Stack("muster-dev-agents-1", service(database_url))
    old.create(agent("mover"), agent("stays"))

    # When shard 1 is deployed with it, and then shard 0 without it
    new.create(agent("mover"))
    old.update(agent("stays"))

    # Then it is where the new shard put it
    assert active_agents(database_url) == {"mover": new.name, "stays": old.name}


def test_an_agent_moves_between_shards_when_the_old_one_comes_first(database_url: str):
    old = Stack("muster-dev-agents-0", service(database_url))
    new = Stack("muster-dev-agents-1", service(database_url))
    old.create(agent("mover"), agent("stays"))

    old.update(agent("stays"))
    new.create(agent("mover"))

    assert active_agents(database_url) == {"mover": new.name, "stays": old.name}


def test_an_agent_whose_move_is_rolled_back_returns_to_the_shard_that_lists_it(database_url: str):
    # Given an agent that shard 1 took over
    old = Stack("muster-dev-agents-0", service(database_url))
    new = Stack("muster-dev-agents-1", service(database_url))
    old.create(agent("mover"), agent("stays"))
    before = rows(database_url, "SELECT endpoint FROM agent_registry WHERE agent_id = 'mover'")
    new.create(agent("mover"))

    # When shard 1's deployment fails elsewhere and is rolled back
    new.delete()

    # Then shard 0 has it again, as it was
    assert active_agents(database_url) == {"mover": old.name, "stays": old.name}
    after = rows(database_url, "SELECT endpoint FROM agent_registry WHERE agent_id = 'mover'")
    assert after == before


def test_a_stack_of_another_app_may_not_take_an_agent(database_url: str):
    Stack("muster-dev-agents-0", service(database_url)).create(agent("one"))
    other = Stack("other-dev-agents-0", service(database_url))
    before = whole_tables(database_url)

    with pytest.raises(
        RegistrationFailed, match=r"one \(stack muster-dev-agents-0 has it\).*another id"
    ):
        other.create(agent("one"), agent("two"))

    assert whole_tables(database_url) == before


def test_an_agent_that_its_stack_gave_up_is_free_for_another(database_url: str):
    first = Stack("muster-dev-agents-0", service(database_url))
    first.create(agent("one"))
    first.delete()

    Stack("other-dev-agents-0", service(database_url)).create(agent("one"))

    assert active_agents(database_url) == {"one": "other-dev-agents-0"}


def test_a_stacks_agent_cannot_be_registered_by_hand(database_url: str):
    Stack("muster-dev-agents-0", service(database_url)).create(agent("feeds"))

    with (
        closing(psycopg2.connect(database_url)) as connection,
        pytest.raises(RegistrationFailed, match="feeds belongs to stack muster-dev-agents-0"),
    ):
        register_manifests(connection, [agent("feeds")], endpoints={"feeds": {"type": "sqs"}})
