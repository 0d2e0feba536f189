"""The messages at hand and what was decided of each: a message may ask for several jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from muster.execution.arrival import Arrival, arrivals_of
from muster.execution.disposition import ACKNOWLEDGE, KEEP, Disposition, Fate, return_after
from muster.model import Claim, Message, Outcome

#: Message id and job id: unique within a batch.
Key = tuple[str, str]


class Batch:
    """Arrivals by message and job, their fates, and outcomes that wait to be settled."""

    def __init__(self, messages: Sequence[Message], *, agent_id: str) -> None:
        self._messages = messages
        self._fates: dict[Key, Disposition] = {}
        self._arrivals: dict[Key, Arrival] = {
            arrival.key: arrival
            for message in messages
            for arrival in arrivals_of(message, agent_id=agent_id)
        }
        self.unsettled: list[Outcome] = []
        #: Monotonic time at which the oldest unsettled job began.
        self.oldest = 0.0

    @property
    def arrivals(self) -> list[Arrival]:
        """Everything that was asked for, in order of arrival."""
        return list(self._arrivals.values())

    @property
    def idle(self) -> list[str]:
        """Ids of the messages that ask for nothing."""
        asking = {message_id for message_id, _ in self._arrivals}
        return [m.message_id for m in self._messages if m.message_id not in asking]

    def arrival(self, claim: Claim) -> Arrival:
        """What asked for the claimed job."""
        return self._arrivals[claim.message_id, claim.job_id]

    def replace(self, arrival: Arrival) -> None:
        """The same request, understood otherwise."""
        self._arrivals[arrival.key] = arrival

    def decide(self, key: Key, fate: Disposition) -> None:
        """What this job wants done with its message."""
        self._fates[key] = fate

    def let_go(self, key: Key) -> None:
        """This job no longer needs its message, should that be returned."""
        if self._fates.get(key, KEEP).fate is Fate.RETURN:
            self._fates[key] = ACKNOWLEDGE

    def dispositions(self) -> dict[str, Disposition]:
        """The fate of each message: it goes only when all of its jobs let it go.

        A message that asks for nothing is acknowledged; one with an undecided job is kept.
        """
        wishes: dict[str, list[Disposition]] = {m.message_id: [] for m in self._messages}
        for key in self._arrivals:
            wishes[key[0]].append(self._fates.get(key, KEEP))
        return {message_id: _together(fates) for message_id, fates in wishes.items()}


def _together(fates: list[Disposition]) -> Disposition:
    if any(fate.fate is Fate.KEEP for fate in fates):
        return KEEP
    waits: list[timedelta] = [fate.after for fate in fates if fate.fate is Fate.RETURN]
    return return_after(min(waits)) if waits else ACKNOWLEDGE
