"""The game day's own judgement: what it holds for an alarm, a runbook and a command is what AWS does."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stacks.config import STAGES
from tests.support.emulator import session
from tests.support.gameday.alarm import Alarm, Metric, Series, evaluate
from tests.support.gameday.aws_command import parsed
from tests.support.gameday.fed import SIMULATED
from tests.support.gameday.page import RUNBOOKS, Step, pages, steps
from tests.support.gameday.play import SCENES, unplayed
from tests.support.gameday.taken_out import taken_out

A: Metric = ("Muster", "A", (("agent", "one"),))
B: Metric = ("Muster", "B", (("agent", "one"),))


def _alarm(**changes: Any) -> Alarm:
    values: dict[str, Any] = {
        "name": "alarm", "owner": "Agent one (local)", "page": "page", "expression": "",
        "series": {"a": Series(metric=A, statistic="Sum", minutes=1)},
        "comparison": "GreaterThanOrEqualToThreshold", "threshold": 3.0, "periods": 2,
        "missing": "notBreaching",
    }  # fmt: skip
    return Alarm(**{**values, **changes})


def test_every_period_must_meet_the_condition():
    alarm = _alarm()
    assert alarm.met([{A: [1, 2]}, {A: [3]}])
    assert not alarm.met([{A: [1, 2]}, {A: [1, 1]}])
    assert not alarm.met([{A: [9]}, {A: [3]}, {A: [2]}])
    assert not alarm.met([{A: [3]}])


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("Sum", 10), ("Maximum", 4), ("Minimum", 1), ("Average", 2.5), ("p50", 2), ("p99", 4)],
)
def test_a_period_is_its_statistic_over_all_its_minutes(statistic: str, expected: float):
    alarm = _alarm(series={"a": Series(metric=A, statistic=statistic, minutes=2)}, periods=1)
    assert alarm.seen([{A: [99]}, {A: [4, 1]}, {A: [2, 3]}]) == [expected]


def test_silence_is_what_the_alarm_says_it_is():
    falls = {"comparison": "LessThanThreshold", "threshold": 1.0}
    assert _alarm(**falls, missing="breaching").met([{}, {}])
    assert not _alarm(**falls, missing="breaching").met([{}, {A: [1]}])
    assert not _alarm(**falls, missing="notBreaching").met([{}, {}])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MAX([a, b])", 4),
        ("IF(a > 1 AND b < 5, 1, 0)", 1),
        ("IF(a > 1 AND b < 4, 1, 0)", 0),
        ("IF(a >= 2 OR b > 9, 100 * a / (a + b), 0)", pytest.approx(100 / 3)),
        ("MIN([CEIL(b / 3), 9])", 2),
        ("FILL(gone, 7) - a", 5),
    ],
)
def test_a_formula_is_reckoned_as_cloudwatch_does(expression: str, expected: float):
    assert evaluate(expression, {"a": 2.0, "b": 4.0, "gone": None}) == expected


def test_a_formula_over_what_did_not_come_has_no_value():
    series = {
        "a": Series(metric=A, statistic="Sum", minutes=1),
        "b": Series(metric=B, statistic="Sum", minutes=1),
    }
    alarm = _alarm(series=series, expression="a + b", periods=1)
    assert alarm.seen([{A: [5]}]) == [None]
    assert not alarm.met([{A: [5]}])
    assert alarm.met([{A: [5], B: [1]}])


def test_a_formula_that_is_not_understood_is_no_answer():
    with pytest.raises(ValueError, match="not understood: RATE"):
        evaluate("RATE(a)", {"a": 1.0})


def test_every_runbook_of_a_fault_is_played():
    assert unplayed() == set()
    played = [page for scene in SCENES for page in scene.pages]
    assert len(played) == len(set(played))


def test_what_is_only_simulated_is_what_this_machine_cannot_have():
    # RDS, API Gateway's own metrics and Lambda's limits: nothing of the local cloud emits them
    assert set(SIMULATED) == {
        "api-latency", "concurrency", "function-duration",
        "database-connections", "database-load", "database-storage",
    }  # fmt: skip


def test_alarms_of_formulas_lead_to_runbooks_that_there_are():
    assert {alarm.page for alarm in taken_out([])} <= set(pages())
    assert STAGES["local"].lacks  # or none of them would have to be taken from values


def test_a_step_that_lacks_a_value_is_not_done():
    step = Step(language="sh", section="Look", text="muster jobs get <execution>")
    assert step.words({"execution": "e 1"}) == ["muster", "jobs", "get", "e 1"]
    with pytest.raises(LookupError, match="what is execution"):
        step.words({})


def test_steps_of_a_page_are_its_blocks_without_comments():
    found = steps("dead-letters")
    assert found[0] == Step(language="sh", section="Look", text="muster dlq list")
    assert not [step for step in found if re.search(r"\s#", step.text)]
    text = (RUNBOOKS / "dead-letters.md").read_text("utf-8")
    assert len(found) == sum(
        bool(line.strip())
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    )


@pytest.mark.parametrize(
    ("command", "given"),
    [
        (["sqs", "create-queue", "--queue-name", "q", "--attributes", "A=1,B=2"],
         {"QueueName": "q", "Attributes": {"A": "1", "B": "2"}}),
        (["lambda", "update-event-source-mapping", "--uuid", "u", "--enabled"],
         {"UUID": "u", "Enabled": True}),
        (["rds", "describe-events", "--duration", "60"], {"Duration": 60}),
        (["ecs", "describe-services", "--services", "a,b"], {"services": ["a", "b"]}),
    ],
)  # fmt: skip
def test_a_command_of_aws_is_read_as_aws_reads_it(command: list[str], given: dict[str, Any]):
    assert parsed(command, client=session().client)[1] == given


@pytest.mark.parametrize(
    "command",
    [["sqs", "make-queue"], ["sqs", "create-queue", "--name", "q"], ["sqs", "create-queue", "q"]],
)
def test_a_command_that_aws_does_not_know_is_refused(command: list[str]):
    with pytest.raises(ValueError, match="aws sqs"):
        parsed(command, client=session().client)
