"""A fact that could not be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unread:
    """AWS was asked, and did not say."""

    #: The code of its answer, or the kind of failure: never a text that could quote a credential.
    why: str


def read(ask: Callable[[], T]) -> T | Unread:
    """What `ask` returns, unless AWS refuses or cannot be reached."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask()
    except ClientError as error:
        return Unread(str(error.response.get("Error", {}).get("Code", "ClientError")))
    except BotoCoreError as error:
        return Unread(type(error).__name__)
