"""All listeners of the local cloud, kept as their definitions say."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from local.aws import LocalAws
from local.checkout import Checkout
from local.listener.definition import Definition, read
from local.listener.task import Task
from local.process.identity import ProcessIdentity
from muster.clock import Clock, SystemClock

#: Seconds to drain, and seconds more to hand back, when the cloud stops.
_DRAIN, _HAND_BACK = 5.0, 3.0
_PAUSE = 0.05


class Fleet:
    """One process per definition on file; whose definition changed or went drains and makes room.

    Args:
        launched: finds the tasks that the listeners launched, which end with the fleet.
        hand_back: seconds that they may take at most to hand back, once they did not drain in time.
    """

    def __init__(
        self,
        *,
        checkout: Checkout,
        aws: LocalAws,
        launched: Callable[[], Sequence[ProcessIdentity]] = tuple,
        clock: Clock | None = None,
        hand_back: float = _HAND_BACK,
    ) -> None:
        self._launched = launched
        self._hand_back = hand_back
        self._checkout = checkout
        self._aws = aws
        self._clock = clock or SystemClock()
        self._tasks: dict[str, Task] = {}
        self._leaving: list[Task] = []

    @property
    def file(self) -> Path:
        return self._checkout.listeners

    @property
    def tasks(self) -> list[Task]:
        """Those that are meant to run, by agent."""
        return [task for _, task in sorted(self._tasks.items())]

    @property
    def children(self) -> Iterator[Task]:
        """Every task with a process, those that are leaving included."""
        return (task for task in [*self.tasks, *self._leaving] if task.child is not None)

    def look(self) -> bool:
        """Bring the processes closer to what is on file; true when something changed."""
        wanted = {definition.agent_id: definition for definition in read(self.file)}
        changed = [
            agent_id
            for agent_id, task in self._tasks.items()
            if wanted.get(agent_id) != task.definition
        ]
        for agent_id in changed:
            task = self._tasks.pop(agent_id)
            task.ask_to_end()
            self._leaving.append(task)
        for task in [task for task in self._leaving if task.ended]:
            task.kill()
            self._leaving.remove(task)
        for agent_id in wanted.keys() - self._tasks.keys():
            self._tasks[agent_id] = self._task(wanted[agent_id])
        moved = sum(task.look() for task in self.tasks)
        return bool(moved or changed)

    def stop(self) -> None:
        """Let them drain briefly, then hand back, then end them, with what they launched."""
        launched: Sequence[ProcessIdentity] = ()
        for patience in (_DRAIN, self._hand_back):
            launched = self._launched()
            for task in self.children:
                task.ask_to_end()
            for process in launched:
                process.send(signal.SIGTERM)
            end = time.monotonic() + patience
            while time.monotonic() < end and self._at_work(launched):
                time.sleep(_PAUSE)
        for task in list(self.children):
            task.kill()
        for process in launched:
            process.send(signal.SIGKILL)

    def _at_work(self, launched: Sequence[ProcessIdentity]) -> bool:
        return any(not task.ended for task in self.children) or any(p.alive() for p in launched)

    def _task(self, definition: Definition) -> Task:
        return Task(definition, checkout=self._checkout, aws=self._aws, clock=self._clock)
