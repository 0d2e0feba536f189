"""What a listener consists of."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_listener.breaker import Breaker
from ecs_listener.burying import Burying
from ecs_listener.deployment import Deployment
from ecs_listener.disposal import Disposal
from ecs_listener.holdings import Holdings
from ecs_listener.intake import Intake
from ecs_listener.polling import Polling
from ecs_listener.presence import Presence
from ecs_listener.protection import Protection
from ecs_listener.renewal import Renewal
from ecs_listener.running import Running
from ecs_listener.settlement import Settlement
from ecs_listener.slot_keeper import SlotKeeper
from ecs_listener.supervision import Supervision


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What a listener consists of."""

    polling: Polling
    intake: Intake
    running: Running
    settlement: Settlement
    burying: Burying
    disposal: Disposal
    renewal: Renewal
    presence: Presence
    supervision: Supervision
    slots: SlotKeeper
    holdings: Holdings
    breaker: Breaker
    protection: Protection
    deployment: Deployment
