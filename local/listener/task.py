"""One listener process: started from its definition, started again when it ends by itself."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from local import ports
from local.aws import LocalAws
from local.checkout import Checkout
from local.listener.definition import Definition
from local.process.child import Child
from muster.clock import Clock
from muster.contracts import ListenerEnvironment

#: Seconds before a listener that ended by itself is started again; doubled each time, as ECS does.
_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
#: A listener that stood this many seconds had no trouble starting.
_STEADY = 60.0


class Task:
    """The place of one listener. `look()` keeps a process in it."""

    def __init__(
        self, definition: Definition, *, checkout: Checkout, aws: LocalAws, clock: Clock
    ) -> None:
        self.definition = definition
        self._checkout = checkout
        self._aws = aws
        self._clock = clock
        self._pause = _PAUSE
        self._next_start = 0.0
        self._started = 0.0
        self.child: Child | None = None
        self.port = 0
        self.starts = 0

    @property
    def log(self) -> Path:
        return self._checkout.listener_log(self.definition.agent_id)

    def look(self) -> bool:
        """Start the process if there is none and its time has come; true when that changed."""
        now = self._clock.monotonic()
        if self.child is not None:
            if self.child.exit_code() is None:
                return False
            self.child.kill()
            self.child = None
            steady = now - self._started > _STEADY
            self._pause = _PAUSE if steady else min(self._pause * 2, _LONGEST_PAUSE)
            self._next_start = now + self._pause
            return True
        if now < self._next_start:
            return False
        self._start()
        self._started = now
        return True

    def ask_to_end(self) -> None:
        """SIGTERM: drain; once more: hand back at once."""
        if self.child is not None and self.child.exit_code() is None:
            self.child.process.send_signal(signal.SIGTERM)

    @property
    def ended(self) -> bool:
        return self.child is None or self.child.exit_code() is not None

    def kill(self) -> None:
        """End it and everything it started, now."""
        if self.child is not None:
            self.child.kill()
            self.child = None

    def _start(self) -> None:
        self.port = ports.choose(self.port or None)
        self.starts += 1
        program, *arguments = self.definition.command
        with self.log.open("ab") as log:
            self.child = Child(
                # The image's interpreter is this one.
                [sys.executable if program == "python" else program, *arguments],
                environment=self._environment(),
                directory=self._checkout.root,
                output=log.fileno(),
            )

    def _environment(self) -> dict[str, str]:
        """The container's, plus what a task's role and image would give."""
        return {
            "PATH": os.pathsep.join(
                [str(self._checkout.tools), os.environ.get("PATH", os.defpath)]
            ),
            "LANG": "C.UTF-8",
            "HOME": str(self._checkout.scratch),
            "TMPDIR": str(self._checkout.scratch),
            **self._aws.environment({}),
            **self.definition.credentials,
            **self.definition.environment,
            ListenerEnvironment.variable("http_port"): str(self.port),
        }
