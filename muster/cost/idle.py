"""What a stage costs in a month in which nothing happens, by its templates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muster.cost.idle_prices import IdlePrices
from muster.cost.prices import Prices
from muster.cost.resting import RESTING
from muster.errors import ConfigurationError

HOURS = 730
#: Lambda asks an empty queue with five long polls of twenty seconds at once.
_POLLS = 5 * HOURS * 3600 // 20
#: Ticks of a schedule that fires each minute, and how long an idle one is paid for, in seconds.
_TICKS, _TICK_SECONDS = HOURS * 60, 1.0
#: Series that the dispatcher emits while nothing happens: of itself, of an agent, of an agent with a service.
_OWN_SERIES, _AGENT_SERIES, _SERVICE_SERIES = 4, 2, 3
_MILLION = 1_000_000

Template = Mapping[str, Any]
Resource = Mapping[str, Any]
Properties = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One resource that is paid for while it rests."""

    #: What it belongs to on the bill: database | network | endpoints | watching | secrets | ticks and polling
    group: str
    #: US dollars a month.
    monthly: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Idle:
    """What rests, and what nobody knows the price of."""

    items: Sequence[Item]
    #: CloudFormation types that are neither priced nor known to be free at rest.
    unknown: Sequence[str]

    def by_group(self) -> dict[str, float]:
        """US dollars a month of each group, the dearest first."""
        sums: dict[str, float] = {}
        for item in self.items:
            sums[item.group] = sums.get(item.group, 0.0) + item.monthly
        return dict(sorted(sums.items(), key=lambda entry: -entry[1]))

    @property
    def total(self) -> float:
        """US dollars a month."""
        return sum(item.monthly for item in self.items)


def templates_in(folder: Path) -> list[Template]:
    """The templates of a cloud assembly.

    Raises:
        ConfigurationError: the folder holds none; says how to make it.
    """
    try:
        artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"{folder} is no synthesised stage; make it by `make synth STAGE=dev`"
        ) from error
    return [
        json.loads((folder / artifact["properties"]["templateFile"]).read_text())
        for artifact in artifacts.values()
        if artifact["type"] == "aws:cloudformation:stack"
    ]


def idle_cost(resources: Iterable[Resource], prices: IdlePrices, usage: Prices) -> Idle:
    """Add up what the resources of all templates of a stage cost at rest.

    Args:
        usage: prices of what polls and ticks use.
    """
    items: list[Item] = [Item(group="watching", monthly=_OWN_SERIES * prices.metric_month)]
    unknown: set[str] = set()
    for resource in resources:
        kind: str = resource["Type"]
        if kind in _PRICED:
            group, price = _PRICED[kind]
            monthly = price(resource.get("Properties", {}), prices, usage)
            items.append(Item(group=group, monthly=monthly))
        elif kind not in RESTING and not kind.startswith("Custom::"):
            unknown.add(kind)
    return Idle(items=items, unknown=sorted(unknown))


def _endpoint(of: Properties, prices: IdlePrices, _usage: Prices) -> float:
    interface = of.get("VpcEndpointType") == "Interface"  # gateways are free
    return prices.endpoint_hour * HOURS * len(of["SubnetIds"]) if interface else 0.0


def _database(of: Properties, prices: IdlePrices, _usage: Prices) -> float:
    instances = 2 if of.get("MultiAZ") else 1
    class_ = of["DBInstanceClass"]
    if class_ not in prices.instance_hour:
        raise ConfigurationError(
            f"there is no price of {class_}; known: {', '.join(prices.instance_hour)}"
        )
    hour = prices.instance_hour[class_]
    stored = float(of["AllocatedStorage"]) * prices.storage_gib_month
    return instances * (hour * HOURS + stored)


def _alarm(of: Properties, prices: IdlePrices, _usage: Prices) -> float:
    looked_at = sum("MetricStat" in metric for metric in of.get("Metrics", ())) or 1
    return prices.alarm_month * looked_at


def _function(of: Properties, prices: IdlePrices, _usage: Prices) -> float:
    """What the dispatcher emits about an agent; functions themselves are free at rest."""
    agent = "MUSTER_AGENT_ID" in of.get("Environment", {}).get("Variables", {})
    return _AGENT_SERIES * prices.metric_month if agent else 0.0


def _polls(_of: Properties, _prices: IdlePrices, usage: Prices) -> float:
    return _POLLS * usage.sqs_million_requests / _MILLION


def _ticks(_of: Properties, prices: IdlePrices, usage: Prices) -> float:
    """Of the dispatcher, whose function has a quarter of a GiB."""
    asked = (prices.million_scheduled + usage.lambda_million_invocations) / _MILLION
    return _TICKS * (asked + _TICK_SECONDS * 0.25 * usage.lambda_gib_second_arm64)


#: What a resource costs a month, by its CloudFormation type, and what it belongs to on the bill.
_PRICED: Mapping[str, tuple[str, Callable[[Properties, IdlePrices, Prices], float]]] = {
    "AWS::EC2::NatGateway": ("network", lambda _, prices, __: prices.nat_gateway_hour * HOURS),
    "AWS::EC2::EIP": ("network", lambda _, prices, __: prices.public_address_hour * HOURS),
    "AWS::EC2::VPCEndpoint": ("endpoints", _endpoint),
    "AWS::RDS::DBInstance": ("database", _database),
    "AWS::SecretsManager::Secret": ("secrets", lambda _, prices, __: prices.secret_month),
    "AWS::KMS::Key": ("secrets", lambda _, prices, __: prices.key_month),
    "AWS::CloudWatch::Alarm": ("watching", _alarm),
    "AWS::CloudWatch::CompositeAlarm": (
        "watching",
        lambda _, prices, __: prices.composite_alarm_month,
    ),
    "AWS::CloudWatch::Dashboard": ("watching", lambda _, prices, __: prices.dashboard_month),
    "AWS::Lambda::Function": ("watching", _function),
    "AWS::ECS::Service": (
        "watching",
        lambda _, prices, __: _SERVICE_SERIES * prices.metric_month,
    ),
    "AWS::Lambda::EventSourceMapping": ("ticks and polling", _polls),
    "AWS::Scheduler::Schedule": ("ticks and polling", _ticks),
}
