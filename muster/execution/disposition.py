"""What the host does with a message once its job was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Fate(StrEnum):
    """Delete it, show it again after a while, or leave it to its visibility timeout."""

    ACKNOWLEDGE = "acknowledge"
    RETURN = "return"
    KEEP = "keep"


@dataclass(frozen=True, kw_only=True, slots=True)
class Disposition:
    """The fate of one message."""

    fate: Fate
    #: For RETURN: when it may be received again, from now.
    after: timedelta = timedelta(0)


ACKNOWLEDGE = Disposition(fate=Fate.ACKNOWLEDGE)
KEEP = Disposition(fate=Fate.KEEP)


def return_after(after: timedelta) -> Disposition:
    """The message comes back after this wait."""
    return Disposition(fate=Fate.RETURN, after=after)
