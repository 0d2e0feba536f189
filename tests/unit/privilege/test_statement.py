"""Policies are evaluated as IAM does it, or refused where they cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.privilege.call import Call
from tests.support.privilege.right import Holder, Right, Unit
from tests.support.privilege.statement import Statement, Unsupported, matches

QUEUE = "arn:aws:sqs:us-east-1:000000000000:jobs"
ROLE = "arn:aws:iam::000000000000:role/worker"


def _statement(**changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE, **changes}


def _call(**changes: Any) -> Call:
    values: dict[str, Any] = {"action": "sqs:SendMessage", "resource": QUEUE, **changes}
    return Call(role="worker", session="test", **values)


def _allowed(call: Call, *bodies: dict[str, Any], **variables: str) -> bool:
    unit = Unit(role="worker", action="", resource="")
    holder = Holder(
        name="worker",
        arn=ROLE,
        kind="worker",
        agent="",
        variables={f"aws:PrincipalTag/{name}": value for name, value in variables.items()},
        rights=tuple(Right(unit=unit, statement=Statement.of(body)) for body in bodies),
    )
    return bool(holder.decide(call))


def test_what_nothing_allows_is_denied_and_what_is_denied_is_not_allowed_by_anything():
    deny = _statement(Effect="Deny", Resource="*")
    assert not _allowed(_call())
    assert _allowed(_call(), _statement())
    assert not _allowed(_call(action="sqs:DeleteMessage"), _statement())
    assert not _allowed(_call(resource=f"{QUEUE}-dead"), _statement())
    assert not _allowed(_call(), _statement(), deny)
    assert not _allowed(_call(), deny, _statement())


@pytest.mark.parametrize(
    ("value", "pattern", "same"),
    [
        ("a/b/c", "a/*", True),
        ("a", "a*", True),
        ("ab", "a?", True),
        ("a", "a?", False),
        ("abc", "a?", False),
        ("a[b]", "a[b]", True),
        ("ab", "a.", False),
        ("A", "a", False),
        ("two\nlines", "two*", True),
    ],
)
def test_wildcards_are_those_of_iam_and_no_others(value: str, pattern: str, same: bool):
    assert matches(value, pattern) is same


def test_actions_are_compared_without_regard_to_case_and_resources_with():
    assert _allowed(_call(), _statement(Action=["s3:*", "SQS:send*"]))
    assert not _allowed(_call(), _statement(Resource=QUEUE.upper()))


def test_a_policy_variable_is_the_tag_of_the_role():
    own = _statement(
        Action="s3:PutObject", Resource="arn:aws:s3:::results/${aws:PrincipalTag/Agent}/*"
    )
    for key, allowed in (("one/1.json", True), ("two/1.json", False), ("one", False)):
        call = _call(action="s3:PutObject", resource=f"arn:aws:s3:::results/{key}")
        assert _allowed(call, own, Agent="one") is allowed
    with pytest.raises(Unsupported, match="aws:PrincipalTag/Agent"):
        _allowed(call, own)


def test_a_condition_holds_for_what_the_call_says():
    cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/"
    body = _statement(Condition={"ArnEquals": {"ecs:cluster": [f"{cluster}one", f"{cluster}t*"]}})
    for name, allowed in (("one", True), ("two", True), ("other", False)):
        assert _allowed(_call(context={"ecs:cluster": cluster + name}), body) is allowed
    insecure = _statement(Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})
    assert _allowed(_call(), _statement(), insecure)
    plain = _call(context={"aws:SecureTransport": "false"})
    assert not _allowed(plain, _statement(), insecure)


def test_a_resource_s_policy_counts_for_whom_it_names():
    for principal, allowed in (
        ({"AWS": ROLE}, True),
        ({"AWS": ["arn:aws:iam::000000000000:role/other", ROLE]}, True),
        ({"AWS": "arn:aws:iam::000000000000:role/other"}, False),
        ({"Service": "events.amazonaws.com"}, False),
        ("*", True),
    ):
        assert _allowed(_call(), _statement(Principal=principal)) is allowed


@pytest.mark.parametrize(
    "body",
    [
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "sqs:*", "NotResource": QUEUE},
        _statement(NotPrincipal={"AWS": ROLE}),
    ],
)
def test_what_is_not_understood_is_refused_and_not_guessed(body: dict[str, Any]):
    with pytest.raises(Unsupported, match="Not"):
        Statement.of(body)


@pytest.mark.parametrize(
    "condition",
    [{"NumericLessThan": {"aws:SecureTransport": "1"}}, {"StringEquals": {"aws:Unheard": "of"}}],
)
def test_a_condition_that_is_not_understood_is_refused(condition: dict[str, Any]):
    with pytest.raises(Unsupported):
        _allowed(_call(), _statement(Condition=condition))
