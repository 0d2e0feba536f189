"""The local cloud as the commands see it: started, stopped, looked at."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local.aws import LocalAws
from local.checkout import Checkout
from local.database import secret_of
from local.deployment import Deployment
from local.emulator import health_nonce
from local.errors import DeployFailed, LocalCloudError, NotRunning
from local.listener.definition import deployed, write
from local.process.identity import ProcessIdentity
from local.process.lock import FileLock
from local.starter import STOP_TIMEOUT, Starter
from local.state import CloudState, Phase

#: Seconds that an `up` waits for another `up` or `down` of the same checkout.
TURN_TIMEOUT = 600
_PAUSE = 0.05
_STILL_UP = "The cloud stays up for inspection; stop it with `muster down`."


@dataclass(frozen=True, kw_only=True, slots=True)
class Cloud:
    """The one local cloud of a checkout. `say` takes lines of progress."""

    checkout: Checkout
    say: Callable[[str], None]
    #: Seconds that processes which are asked to end may take before they are killed.
    patience: float = STOP_TIMEOUT

    @classmethod
    def of_checkout(cls, say: Callable[[str], None] = lambda _: None) -> Cloud:
        """The cloud of the checkout that this code runs from."""
        return cls(checkout=Checkout.locate(), say=say)

    def aws(self, state: CloudState) -> LocalAws:
        """The account that the emulator plays."""
        return LocalAws(endpoint=state.endpoint)

    def state(self) -> CloudState:
        """The running cloud's state.

        Raises:
            NotRunning: there is none, or it is only coming up or going down.
        """
        state = CloudState.read(self.checkout.state_file)
        if not self._alive() or state.phase is not Phase.RUNNING:
            why = f" It stopped: {state.reason}" if state.phase is Phase.FAILED else ""
            raise NotRunning(f"The local cloud is not running. Start it with `muster up`.{why}")
        return state

    def up(self, *, deploy: bool = True) -> CloudState:
        """Start the cloud unless it runs, and deploy the checkout's app into it.

        A cloud that this call started dies with it until the deploy has ended, well or badly.

        Raises:
            DeployFailed: the cloud stays up for inspection.
            LocalCloudError: it could not be started; nothing is left running.
        """
        with self._turn():
            state = self._found()
            if state is not None:
                self.say(f"The local cloud is running: {state.endpoint}")
                self._deploy(state, deploy=deploy)
                return state
            self.say("Starting Postgres and the AWS emulator")
            with Starter(self.checkout) as starter:
                state = starter.wait()
                try:
                    self._deploy(state, deploy=deploy)
                except DeployFailed as failed:
                    starter.keep()
                    raise DeployFailed(f"{failed}\n{_STILL_UP}") from failed
                return starter.keep()

    def down(self, *, purge: bool = False) -> bool:
        """Stop the cloud; with `purge` also remove its data. False when nothing ran."""
        with self._turn():
            ran = self._stop()
            if purge:
                for path in self.checkout.state.iterdir():
                    if path == self.checkout.command_lock:
                        continue  # held by this very call
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            return ran

    def _turn(self) -> FileLock:
        lock = FileLock(self.checkout.command_lock)
        if not lock.try_acquire():
            self.say("Waiting for another `muster up` or `down` of this checkout")
            if not lock.acquire(timeout=TURN_TIMEOUT):
                raise LocalCloudError(f"Another command has held {lock.path} for {TURN_TIMEOUT} s.")
        return lock

    def _alive(self) -> bool:
        return FileLock(self.checkout.supervisor_lock).taken()

    def _found(self) -> CloudState | None:
        """The cloud that runs and answers; whatever else is left of one is cleared away."""
        deadline = time.monotonic() + STOP_TIMEOUT
        while self._alive() and time.monotonic() < deadline:
            state = CloudState.read(self.checkout.state_file)
            if state.phase is Phase.RUNNING:
                if state.emulator_port and health_nonce(port=state.emulator_port) == state.nonce:
                    return state
                self.say("The local cloud does not answer; starting it again")
                break
            time.sleep(_PAUSE)  # the `up` that started it has ended: it is going down
        self._stop()
        return None

    def _stop(self) -> bool:
        """End the supervisor and whatever outlived one; True when there was something."""
        state = CloudState.read(self.checkout.state_file)
        ran = self._alive()
        processes = [process for process in (state.supervisor, *state.children) if process]
        if state.supervisor is not None:
            state.supervisor.send(signal.SIGTERM)
        if not self._gone(processes, timeout=self.patience):
            for process in processes:
                process.send(signal.SIGKILL)
            if not self._gone(processes, timeout=STOP_TIMEOUT):
                raise LocalCloudError(
                    f"Processes of the local cloud do not end; see {self.checkout.state_file}"
                )
        return ran

    def _gone(self, processes: Sequence[ProcessIdentity], *, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while self._alive() or any(process.alive() for process in processes):
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
        return True

    def _deploy(self, state: CloudState, *, deploy: bool) -> None:
        deployment = Deployment(checkout=self.checkout, aws=self.aws(state), say=self.say)
        deployment.put_database_secret(secret_of(state.database_url))
        if deploy:
            deployment.bootstrap()
            deployment.deploy()
            write(self.checkout.listeners, deployed(self.aws(state)))
            if state.supervisor is not None:
                state.supervisor.send(signal.SIGUSR1)
