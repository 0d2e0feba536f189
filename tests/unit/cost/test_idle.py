"""What resources cost while nothing happens, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muster.cost.idle import idle_cost, templates_in
from muster.cost.idle_prices import IdlePrices
from muster.cost.prices import Prices
from muster.errors import ConfigurationError

#: The dispatcher's own four series.
OWN = 4 * 0.30


def monthly(type_: str, **properties: Any) -> float:
    """Dollars of one resource beside what each stage has."""
    idle = idle_cost([{"Type": type_, "Properties": properties}], IdlePrices(), Prices())
    assert idle.unknown == []
    return idle.total - OWN


@pytest.mark.parametrize(
    ("type_", "properties", "expected"),
    [
        ("AWS::EC2::NatGateway", {}, 0.045 * 730),
        ("AWS::EC2::EIP", {}, 0.005 * 730),
        (
            "AWS::EC2::VPCEndpoint",
            {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]},
            2 * 0.01 * 730,
        ),
        ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"}, 0),
        (
            "AWS::RDS::DBInstance",
            {"DBInstanceClass": "db.t4g.small", "AllocatedStorage": "20"},
            0.032 * 730 + 20 * 0.115,
        ),
        (
            "AWS::RDS::DBInstance",
            {"DBInstanceClass": "db.m7g.large", "AllocatedStorage": "20", "MultiAZ": True},
            2 * (0.168 * 730 + 20 * 0.115),
        ),
        ("AWS::CloudWatch::Alarm", {"MetricName": "Errors"}, 0.10),
        (
            "AWS::CloudWatch::Alarm",
            {"Metrics": [{"Expression": "a/b"}, {"MetricStat": {}}, {"MetricStat": {}}]},
            0.20,
        ),
        ("AWS::CloudWatch::CompositeAlarm", {}, 0.50),
        ("AWS::CloudWatch::Dashboard", {}, 3.00),
        ("AWS::SecretsManager::Secret", {}, 0.40),
        ("AWS::Lambda::EventSourceMapping", {}, 5 * 730 * 180 * 0.40 / 1e6),
        (
            "AWS::Lambda::Function",
            {"Environment": {"Variables": {"MUSTER_AGENT_ID": "word-count"}}},
            2 * 0.30,
        ),
        ("AWS::Lambda::Function", {}, 0),
    ],
)
def test_what_stands_costs_its_price(type_: str, properties: dict[str, Any], expected: float):
    assert monthly(type_, **properties) == pytest.approx(expected)


def test_a_type_that_nobody_knows_is_named_instead_of_taken_for_free():
    idle = idle_cost([{"Type": "AWS::Mars::Rover"}], IdlePrices(), Prices())
    assert idle.unknown == ["AWS::Mars::Rover"]


def test_a_class_without_a_price_is_an_error_that_names_those_with_one():
    with pytest.raises(ConfigurationError, match="no price of db.x9.huge; known: db.t4g.micro"):
        monthly("AWS::RDS::DBInstance", DBInstanceClass="db.x9.huge", AllocatedStorage="20")


def test_a_folder_without_a_stage_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="make synth STAGE=dev"):
        templates_in(tmp_path)
