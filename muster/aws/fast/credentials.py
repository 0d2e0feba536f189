"""Whose name requests are signed in, found where botocore finds it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from muster.aws.fast.signing import Identity

#: Shortest time between two searches for new credentials, in seconds: the places searched have limits too.
SEARCH_INTERVAL = 5.0


class Credentials(Protocol):
    """What botocore's chain of providers yields; some refresh themselves when they are asked in time."""

    def get_frozen_credentials(self) -> Identity: ...


class Keyring:
    """The credentials in use.

    botocore refreshes those that tell when they expire; what was refused is searched for anew, so that a
    credentials file that somebody rewrote is taken up without a restart.

    Args:
        search: looks for credentials in all the usual places; None when there are none.
        monotonic: seconds that never go backwards.
    """

    def __init__(
        self,
        search: Callable[[], Credentials | None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._search = search
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._current: Credentials | None = None
        self._searched: float | None = None

    def identity(self) -> Identity:
        """The credentials of this moment.

        Raises:
            botocore.exceptions.NoCredentialsError: there are none.
            botocore.exceptions.BotoCoreError: they could not be refreshed.
        """
        current = self._current or self._find()
        if current is None:
            from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # it ships none
                NoCredentialsError,
            )

            raise NoCredentialsError
        return current.get_frozen_credentials()

    def replace(self, refused: Identity) -> bool:
        """Whether other credentials than the refused ones are at hand; searches when there are not."""
        if _differ(self.identity(), refused):
            return True
        self._find()
        return _differ(self.identity(), refused)

    def _find(self) -> Credentials | None:
        with self._lock:
            now = self._monotonic()
            if self._searched is None or now - self._searched >= SEARCH_INTERVAL:
                self._searched = now
                # Nothing found anew is no reason to forget what was there.
                self._current = self._search() or self._current
            return self._current


def _differ(one: Identity, other: Identity) -> bool:
    return (one.access_key, one.secret_key, one.token) != (
        other.access_key,
        other.secret_key,
        other.token,
    )
