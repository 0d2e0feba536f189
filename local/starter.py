"""The side of `muster up` that starts the supervisor and decides whether the cloud outlives it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from local.checkout import STATE_VARIABLE, Checkout
from local.errors import LocalCloudError
from local.process.lock import FileLock
from local.state import CloudState, Phase
from local.supervisor import KEEP, START_TIMEOUT

#: Seconds for the supervisor to stop everything.
STOP_TIMEOUT = 30
_PAUSE = 0.05


class Starter:
    """Holds the pipe on which a fresh cloud's life depends.

    Leaving the context without `keep()` stops the cloud, and so does this process's death.
    """

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        read_end, self._pipe = os.pipe()
        checkout.logs.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, STATE_VARIABLE: str(checkout.state)}
        with (checkout.logs / "supervisor.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.supervisor", str(read_end)],
                cwd=checkout.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(read_end,),
                start_new_session=True,
            )
        os.close(read_end)

    def wait(self) -> CloudState:
        """Return once Postgres and the emulator answer.

        Raises:
            LocalCloudError: they did not come up; says why.
        """
        deadline = time.monotonic() + START_TIMEOUT + STOP_TIMEOUT
        while time.monotonic() < deadline:
            state = CloudState.read(self._checkout.state_file)
            ours = state.supervisor is not None and state.supervisor.pid == self._process.pid
            if ours and state.phase is Phase.HELD:
                return state
            if self._process.poll() is not None:
                log = self._checkout.logs / "supervisor.log"
                raise LocalCloudError(state.reason or f"The supervisor ended early; see {log}")
            time.sleep(_PAUSE)
        raise LocalCloudError(f"The supervisor did not get ready; see {self._checkout.logs}")

    def keep(self) -> None:
        """Let the cloud outlive this process."""
        os.write(self._pipe, KEEP)
        os.close(self._pipe)
        self._pipe = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._process.wait(timeout=STOP_TIMEOUT)


def wait_until_gone(checkout: Checkout, *, timeout: float = STOP_TIMEOUT) -> bool:
    """Wait until no supervisor lives and none of its children do."""
    deadline = time.monotonic() + timeout
    lock = FileLock(checkout.supervisor_lock)
    while True:
        children = CloudState.read(checkout.state_file).children
        if not lock.taken() and not any(child.alive() for child in children):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
