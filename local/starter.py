"""The side of `muster up` that starts the supervisor and decides whether the cloud outlives it."""

from __future__ import annotations

import os
import secrets
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from local.checkout import STATE_VARIABLE, Checkout
from local.errors import LocalCloudError
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
        self._nonce = f"muster-{secrets.token_hex(8)}"
        checkout.logs.mkdir(parents=True, exist_ok=True)
        told, self._pipe = os.pipe()
        # The supervisor holds the other end and never writes: the end of this pipe is its own end.
        self._life, held = os.pipe()
        command = [sys.executable, "-m", "local.supervisor", str(told), self._nonce]
        with (checkout.logs / "supervisor.log").open("ab") as log:
            subprocess.run(
                command,
                cwd=checkout.root,
                env={**os.environ, STATE_VARIABLE: str(checkout.state)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(told, held),
                start_new_session=True,
                check=True,
            )
        os.close(told)
        os.close(held)

    def wait(self) -> CloudState:
        """Return once Postgres and the emulator answer.

        Raises:
            LocalCloudError: they did not come up; says why.
        """
        return self._wait_for(Phase.HELD, timeout=START_TIMEOUT + STOP_TIMEOUT)

    def keep(self) -> CloudState:
        """Let the cloud outlive this process.

        Raises:
            LocalCloudError: it has ended meanwhile; says why.
        """
        os.write(self._pipe, KEEP)
        os.close(self._pipe)
        self._pipe = -1
        return self._wait_for(Phase.RUNNING, timeout=STOP_TIMEOUT)

    def _wait_for(self, phase: Phase, *, timeout: float) -> CloudState:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            ended = self._ended(within=_PAUSE)
            state = CloudState.read(self._checkout.state_file)
            if state.nonce == self._nonce and state.phase is phase:
                return state
            if ended:
                log = self._checkout.logs / "supervisor.log"
                raise LocalCloudError(state.reason or f"The supervisor ended early; see {log}")
        raise LocalCloudError(f"The supervisor did not get ready; see {self._checkout.logs}")

    def _ended(self, *, within: float) -> bool:
        return bool(select.select([self._life], [], [], within)[0])

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
            self._ended(within=STOP_TIMEOUT)
        os.close(self._life)
