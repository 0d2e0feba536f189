"""What AWS asks for things that stand, in US dollars, whether anything happens or not.

List prices of us-east-1 as they were on the date beside them, without free tiers, reservations and tax:
https://aws.amazon.com/vpc/pricing/, https://aws.amazon.com/privatelink/pricing/,
https://aws.amazon.com/rds/postgresql/pricing/, https://aws.amazon.com/cloudwatch/pricing/,
https://aws.amazon.com/secrets-manager/pricing/, https://aws.amazon.com/eventbridge/pricing/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_INSTANCES: Mapping[str, float] = {
    "db.t4g.micro": 0.016,
    "db.t4g.small": 0.032,
    "db.t4g.medium": 0.065,
    "db.t4g.large": 0.129,
    "db.m7g.large": 0.168,
    "db.m7g.xlarge": 0.337,
    "db.m7g.2xlarge": 0.674,
    "db.r7g.large": 0.239,
    "db.r7g.xlarge": 0.478,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class IdlePrices:
    """US dollars; a month has 730 hours."""

    date: str = "2026-11"
    region: str = "us-east-1"
    nat_gateway_hour: float = 0.045
    public_address_hour: float = 0.005
    #: Of an interface endpoint, in each of its zones.
    endpoint_hour: float = 0.01
    #: Of one instance, by class; a standby in another zone is one more.
    instance_hour: Mapping[str, float] = field(default_factory=lambda: _INSTANCES)
    storage_gib_month: float = 0.115
    secret_month: float = 0.40
    key_month: float = 1.00
    #: For each metric that it looks at.
    alarm_month: float = 0.10
    composite_alarm_month: float = 0.50
    dashboard_month: float = 3.00
    metric_month: float = 0.30
    million_scheduled: float = 1.00
