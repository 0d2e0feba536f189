"""What a launched task is told: ids only. What it is to do, it reads from the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

from ecs_listener.holding import Holding
from muster.errors import ConfigurationError
from muster.store.handovers import ClaimName

#: The variable that holds an errand.
VARIABLE = "MUSTER_ERRAND"

#: Most characters of an errand within a request: ECS takes 8,192 for all that a launch changes of its task.
LARGEST = 7_900


@dataclass(frozen=True, kw_only=True, slots=True)
class Errand:
    """The claimed jobs of one message, nearly always one."""

    claims: tuple[ClaimName, ...]
    message_id: str
    receipt_handle: str
    queue_url: str
    lane: str
    #: The name under which its slot is held; None: none was needed.
    holder: str | None
    #: The instance that has claimed it.
    launcher: str

    @classmethod
    def of(cls, holdings: Sequence[Holding], *, holder: str | None, launcher: str) -> Self:
        """The errand for claimed jobs of one message."""
        parcel = holdings[0].parcel
        return cls(
            claims=tuple(
                ClaimName(
                    execution_id=holding.claim.execution_id,
                    created_at=holding.claim.created_at.isoformat(),
                    fence=holding.claim.fence,
                )
                for holding in holdings
            ),
            message_id=parcel.message.message_id,
            receipt_handle=parcel.message.receipt_handle,
            queue_url=parcel.queue_url,
            lane=parcel.lane,
            holder=holder,
            launcher=launcher,
        )

    @property
    def token(self) -> str:
        """The same for each repetition, and for nothing else: a fence is given once."""
        return f"{self.claims[0].execution_id}-{self.claims[0].fence}"

    @property
    def fits(self) -> bool:
        """Whether a launch can carry it: as a string in the request, where each of its quotes takes two."""
        return len(json.dumps(self.to_json())) <= LARGEST

    def to_json(self) -> str:
        """As it is put into `VARIABLE`."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read it back.

        Raises:
            ConfigurationError: it is none.
        """
        try:
            told = json.loads(text)
            claims = tuple(ClaimName(**name) for name in told.pop("claims"))
            return cls(claims=claims, **told)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigurationError(
                f"{VARIABLE} is no errand ({error}): a listener sets it when it launches a task"
            ) from error
