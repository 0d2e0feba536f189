"""Which lane is asked next, for how many messages and how patiently: decisions, without threads or calls.

Two rules. Only what can start at once is asked for. While some lane has messages ("hot") every lane is asked
without waiting, the hot ones in proportion to their weights, the others once a second, so that none waits
for room that another one's patience holds; once all of them are empty each gets one long poll.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecs_listener.lane_state import LaneState

#: Most messages of one receive.
MOST_MESSAGES = 10

#: Longest wait of a receive, in seconds.
LONG_POLL = 20.0

#: A lane that was empty is looked at this often, in seconds, while others have messages.
LOOK_AGAIN = 1.0

#: A hot lane that was not asked for this long, in seconds, is next, whatever its weight.
LONGEST_NEGLECT = 15.0

#: Room is given out in pieces where it comes back in pieces soon after another, in seconds.
LINGER = 0.02

#: Receives under way at once for one lane: twice what one thread has, so that some are under way while what
#: others brought is handed on.
MOST_POLLS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """Leave to ask one lane once."""

    lane: LaneState
    #: Messages to ask for.
    ask: int
    #: Receives that it takes, all under way at once.
    receives: int
    #: Seconds to wait for the first of them.
    wait: float


class PollingPlan:
    """The lanes of one listener and the room it has. Used under one lock; every time is passed in.

    Args:
        at_once: receives that one grant may be for. Only where there is one lane: others come in between.
    """

    def __init__(self, queue_urls: Mapping[str, str], *, room: int, at_once: int = 1) -> None:
        self.lanes = [LaneState(name=name, queue_url=url) for name, url in queue_urls.items()]
        self._room = room
        self._at_once = at_once if len(self.lanes) == 1 else 1
        #: Messages that were received and occupy a place.
        self.taken = 0
        self._reserved = 0
        self._freed_at: float | None = None
        self._neglect_served = False
        #: What room must be there before a thread is woken for it.
        self.worthwhile = max(1, min(MOST_MESSAGES, room // 2))

    @property
    def free(self) -> int:
        """Places that nothing occupies or is promised."""
        return self._room - self.taken - self._reserved

    @property
    def more(self) -> bool:
        """Whether another receive may be granted: lanes that are all empty wait whatever the room."""
        return self.free >= 1 or len(self.lanes) > 1

    def next(self, now: float) -> Grant | float | None:
        """A grant; or seconds after which to ask again; or None: when something has changed."""
        awake = [lane for lane in self.lanes if lane.resting_until <= now]
        grant = self._grant(awake, now)
        if grant is not None:
            return grant
        return self._soonest(awake, now)

    def received(self, grant: Grant, count: int, now: float) -> int:
        """A receive ended; how many of its messages may start. The others are to be returned."""
        lane = self._ended(grant)
        lane.failures = 0
        lane.received -= (grant.ask - count) / lane.weight
        if count and not lane.hot:
            # It was empty and saved nothing up by that.
            others = [other.received for other in self.lanes if other.hot]
            lane.received = max([lane.received, *([min(others)] if others else [])])
        lane.hot, lane.full = count > 0, count >= grant.ask
        lane.asked_at = now
        accepted = max(0, min(count, self._room - self.taken))
        self.taken += accepted
        return accepted

    def failed(self, grant: Grant, now: float, *, pause: float) -> None:
        """A receive had no answer: leave the lane alone for `pause` seconds."""
        lane = self._ended(grant)
        lane.failures += 1
        lane.received -= grant.ask / lane.weight
        lane.hot = lane.full = False
        lane.resting_until = now + pause

    def left(self, now: float) -> bool:
        """A message gave its place back; true when that is worth waking a thread for."""
        self.taken -= 1
        free = self.free
        if free == 1:
            self._freed_at = now
        return free in (1, self.worthwhile)

    def _ended(self, grant: Grant) -> LaneState:
        grant.lane.polls -= grant.receives
        self._reserved -= grant.ask
        return grant.lane

    def _grant(self, awake: list[LaneState], now: float) -> Grant | None:
        hot = [lane for lane in awake if lane.hot]
        if not hot:
            return self._patient(awake, now)
        if self.free < 1:
            return None
        neglected = self._cold_due(awake, now)
        if neglected is not None:
            return self._take(neglected, ask=1, wait=0, now=now)
        if self._lingers(now):
            return None
        ready = [lane for lane in hot if lane.polls == 0 or (lane.full and lane.polls < MOST_POLLS)]
        if not ready:
            return None
        alone = len(self.lanes) == 1
        lane = self._fair(ready, now)
        if alone and lane.polls == 0:
            return self._take(lane, ask=min(MOST_MESSAGES, self.free), wait=LONG_POLL, now=now)
        most = min(self._at_once, MOST_POLLS - lane.polls) * MOST_MESSAGES
        return self._take(lane, ask=min(max(most, MOST_MESSAGES), self.free), wait=0, now=now)

    def _patient(self, awake: list[LaneState], now: float) -> Grant | None:
        """A long poll for a lane that has none, all lanes being empty.

        With fewer places than lanes more is asked for than may start: of messages that come at the same
        moment the surplus is returned.
        """
        idle = [lane for lane in awake if lane.polls == 0]
        if not idle or self.taken >= self._room:
            return None
        ask = max(1, min(MOST_MESSAGES, self.free // len(idle)))
        if len(self.lanes) == 1 and self.free < 1:
            return None
        return self._take(idle[0], ask=ask, wait=LONG_POLL, now=now)

    def _cold_due(self, awake: list[LaneState], now: float) -> LaneState | None:
        due = [
            lane
            for lane in awake
            if not lane.hot and lane.polls == 0 and now - lane.asked_at >= LOOK_AGAIN
        ]
        return due[0] if due else None

    def _fair(self, ready: list[LaneState], now: float) -> LaneState:
        oldest = min(ready, key=lambda lane: lane.asked_at)
        # At most every other time, so that weights still count when every job is long.
        if now - oldest.asked_at > LONGEST_NEGLECT and not self._neglect_served:
            self._neglect_served = True
            return oldest
        self._neglect_served = False
        return min(ready, key=lambda lane: lane.received)

    def _lingers(self, now: float) -> bool:
        return (
            self.free < self.worthwhile
            and self._freed_at is not None
            and now - self._freed_at < LINGER
        )

    def _take(self, lane: LaneState, *, ask: int, wait: float, now: float) -> Grant:
        # What does not fill a receive of its own waits for more.
        receives = max(1, ask // MOST_MESSAGES)
        ask = min(ask, receives * MOST_MESSAGES)
        lane.polls += receives
        lane.asked_at = now
        lane.received += ask / lane.weight
        self._reserved += ask
        return Grant(lane=lane, ask=ask, receives=receives, wait=wait)

    def _soonest(self, awake: list[LaneState], now: float) -> float | None:
        """When time alone makes the next grant possible."""
        times = [lane.resting_until - now for lane in self.lanes if lane.resting_until > now]
        if self.free >= 1 and any(lane.hot for lane in awake):
            times += [lane.asked_at + LOOK_AGAIN - now for lane in awake if not lane.hot]
            if self._freed_at is not None and self.free < self.worthwhile:
                times.append(self._freed_at + LINGER - now)
        ahead = [time for time in times if time > 0]
        return min(ahead) if ahead else None
