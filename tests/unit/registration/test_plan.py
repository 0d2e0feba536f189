"""What a registration changes, decided without a database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.registration import RegistrationFailed
from muster.registration.plan import family, plan
from muster.store.registry import Owner


def listing(*agents: str) -> dict[str, dict[str, Any]]:
    return {agent: {"agent_id": agent} for agent in agents}


def owner(name: str, *agents: str, request: int = 1, resource: str | None = "r") -> Owner:
    return Owner(name=name, resource=resource, request=request, listing=listing(*agents))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("muster-dev-agents-0", "muster-dev-agents"),
        ("muster-dev-agents-12", "muster-dev-agents"),
        ("muster-dev-agents", "muster-dev-agents"),
        ("other", "other"),
    ],
)
def test_the_shards_of_a_stage_are_one_family(name: str, expected: str):
    assert family(name) == expected


def test_what_is_listed_is_registered_and_the_rest_of_the_owner_retired():
    decided = plan("s-0", listing("a", "b"), active={"b": "s-0", "c": "s-0", "d": "s-1"}, owners={})

    assert [row["agent_id"] for row in decided.register] == ["a", "b"]
    assert decided.retire == ("c",)
    assert decided.hand_back == {}


def test_an_agent_registered_by_hand_is_taken_over():
    decided = plan("s-0", listing("a"), active={"a": None}, owners={})

    assert [row["agent_id"] for row in decided.register] == ["a"]


def test_an_agent_of_another_family_is_refused_by_name():
    with pytest.raises(RegistrationFailed, match=r"s-0 may not register a \(stack t-0 has it\), b"):
        plan("s-0", listing("a", "b"), active={"a": "t-0", "b": "t-1"}, owners={})


def test_what_is_given_up_goes_back_to_the_sibling_that_listed_it_last():
    owners = {
        o.name: o
        for o in (
            owner("s-0", "a"),
            owner("s-1", "a", "b", request=2),
            owner("s-2", "a", request=3),
            owner("s-3", "a", request=4, resource=None),  # deleted
            owner("t-0", "a", request=5),  # of another app
        )
    }

    decided = plan("s-0", {}, active={"a": "s-0", "b": "s-0"}, owners=owners)

    assert decided.retire == ("a", "b")
    assert {
        name: [row["agent_id"] for row in rows] for name, rows in decided.hand_back.items()
    } == {
        "s-2": ["a"],
        "s-1": ["b"],
    }


NAMES = st.sampled_from("abcdef")


@given(st.sets(NAMES), st.dictionaries(NAMES, st.sampled_from(["s-0", "s-1", None])))
def test_nothing_of_anyone_else_is_ever_retired(listed: set[str], active: dict[str, str | None]):
    decided = plan("s-0", listing(*listed), active=active, owners={})

    assert all(active[agent] == "s-0" for agent in decided.retire)
    assert not listed & set(decided.retire)
    assert {row["agent_id"] for row in decided.register} == listed


STACKS = st.sampled_from(["s-0", "s-1", "s-2"])
DEPLOYMENTS = st.lists(st.tuples(STACKS, st.none() | st.sets(NAMES)), max_size=12)


@given(DEPLOYMENTS)
def test_after_any_deployments_an_agent_is_active_where_a_living_stack_lists_it(
    deployments: list[tuple[str, set[str] | None]],
):
    # Given stacks of one stage that are deployed and deleted (None) in any order
    active: dict[str, str | None] = {}
    owners: dict[str, Owner] = {}
    for number, (name, listed) in enumerate(deployments):
        decided = plan(name, listing(*(listed or ())), active=active, owners=owners)
        # When each plan is carried out
        for agent in decided.retire:
            del active[agent]
        active |= {row["agent_id"]: name for row in decided.register}
        for sibling, returned in decided.hand_back.items():
            active |= {row["agent_id"]: sibling for row in returned}
        resource = None if listed is None else "r"
        owners[name] = owner(name, *(listed or ()), request=number, resource=resource)

        # Then what is active is what the living stacks list, each with one of those that list it
        living = {o.name: set(o.listing) for o in owners.values() if o.resource}
        assert set(active) == set().union(*living.values())
        assert all(agent in living[str(other)] for agent, other in active.items())
