"""Calls against rights, in both directions: each can fail, and says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.privilege.call import Call, recorded
from tests.support.privilege.judgement import Listing, judge
from tests.support.privilege.right import Holder, Unit, taken_apart
from tests.support.privilege.statement import Statement

KIND = "agents/{agent}/Role"


def _holder(agent: str, *actions: str) -> Holder:
    body = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return Holder(
        name=agent,
        arn=f"arn:aws:iam::000000000000:role/{agent}",
        kind=KIND,
        agent=agent,
        variables={},
        rights=tuple(taken_apart(KIND, Statement.of(body), ("all",), actions)),
    )


def _call(role: str, action: str, **changes: Any) -> Call:
    return Call(role=role, session="test", action=action, resource="arn:aws:s3:::b/k", **changes)


def test_a_call_that_nothing_grants_is_told_with_its_role_and_what_is_missing():
    judged = judge([_call("one", "s3:PutObject")], [_holder("one", "s3:GetObject")])
    (told,) = judged.refused
    for word in (KIND, "s3:PutObject", "arn:aws:s3:::b/k", "allow s3:PutObject there in stacks/"):
        assert word in told


def test_a_call_that_was_refused_though_it_is_granted_is_told_too():
    call = _call("one", "s3:GetObject", let_through=False)
    (told,) = judge([call], [_holder("one", "s3:GetObject")]).refused
    assert "was refused s3:GetObject" in told


def test_what_all_of_a_kind_are_granted_is_used_when_one_uses_it():
    # Given two roles of a kind, of which one is granted more
    holders = [_holder("one", "s3:GetObject", "s3:PutObject"), _holder("two", "s3:GetObject")]
    # When the other does what both may
    judged = judge([_call("two", "s3:GetObject")], holders)
    # Then what is left is what the one alone was granted, under its name
    assert judged.refused == []
    assert judged.unused == {Unit(role="agents/one/Role", action="s3:PutObject", resource="all")}


def test_a_list_of_what_is_unused_has_to_be_exact(tmp_path: Path):
    # Given a list with a right that is used by now, one that is unused, and one without a reason
    path = tmp_path / "list.toml"
    path.write_text(
        '[[unused]]\nroles = ["a"]\nactions = ["x:Used", "x:Unused"]\nresource = "r"\n'
        'reason = "long enough to explain something"\n'
        '[[unused]]\nroles = ["b"]\nactions = ["x:Unused"]\nresource = "r"\nreason = "because"\n'
    )
    units = [
        Unit(role=role, action=f"x:{what}", resource="r")
        for role, what in (("a", "Unused"), ("b", "Unused"), ("c", "New"))
    ]
    # When it is held against what is unused
    problems = Listing.read(path, "unused").problems(frozenset(units))
    # Then each of the three is told
    assert problems == [
        "c: x:New on r: not listed",
        "a: x:Used on r: listed, but no longer so",
        "b: x:Unused on r: the reason 'because' explains nothing",
    ]
    # And what may be listed, but need not, is no problem
    both = frozenset(units) | {Unit(role="a", action="x:Used", resource="r")}
    assert len(Listing.read(path, "unused").problems(frozenset(units), still=both)) == 2


def test_calls_are_read_as_the_cloud_writes_them(tmp_path: Path):
    path = tmp_path / "calls.jsonl"
    path.write_text(
        '["role", "function", "sqs:SendMessage", "arn:q", "allowed"]\n'
        '["role", "function", "sqs:SendMessage", "arn:r", "ImplicitDeny"]\n'
    )
    assert [(c.resource, c.let_through) for c in recorded(path)] == [
        ("arn:q", True),
        ("arn:r", False),
    ]
