"""The secrets of a stage's hooks, read when a delivery comes and kept for a minute."""

from __future__ import annotations

from dataclasses import dataclass

from muster.clock import Clock
from muster.contracts import hook_secret_name
from muster.hooks.secret import HookSecret
from muster.ports import Secrets

#: Seconds for which a secret is not read again: so long a rotation may go unnoticed by what still verifies.
FRESH = 60.0

#: Seconds between two reads of the same secret, however many deliveries come that it does not fit.
PAUSE = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    secret: HookSecret
    at: float


class SharedSecrets:
    """Those that this process has read."""

    def __init__(self, secrets: Secrets, *, stage: str, clock: Clock) -> None:
        self._secrets = secrets
        self._stage = stage
        self._clock = clock
        self._known: dict[str, _Read] = {}

    def of(self, agent_id: str, name: str) -> HookSecret:
        """A hook's secret, at most a minute old.

        Raises:
            SecretsUnavailable: no answer, or refused for now.
            ConfigurationError: it is missing, forbidden, or not as Muster keeps it.
        """
        return self._read(agent_id, name, older_than=FRESH)

    def newer(self, agent_id: str, name: str) -> HookSecret:
        """The secret as it is now, for a delivery that it did not fit; as known where it was just read.

        Raises: as `of`.
        """
        return self._read(agent_id, name, older_than=PAUSE)

    def _read(self, agent_id: str, name: str, *, older_than: float) -> HookSecret:
        key = hook_secret_name(stage=self._stage, agent_id=agent_id, name=name)
        known, now = self._known.get(key), self._clock.monotonic()
        if known is None or now - known.at >= older_than:
            secret = HookSecret.from_json(self._secrets.refresh(key))
            self._known[key] = known = _Read(secret=secret, at=now)
        return known.secret
