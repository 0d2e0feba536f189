"""The background process that owns the local cloud.

    muster up ── pipe ──► supervisor ──┬── lifeline ── postgres
                                       ├── lifeline ── emulator ── workers of the Lambda functions
                                       └── lifeline ── listener, one for each deployed service

It starts both, says so in `state.json`, and stays. Until `up` writes a byte into the pipe the cloud is
*held*: should `up` die, the pipe ends and everything stops. Later only SIGTERM (`muster down`), or the
death of a child, ends it; a child's death ends the other, since half a cloud helps nobody. If the
supervisor itself is killed, its lifelines kill what they hold. A listener that ends is started again; SIGUSR1
says that the deployed listeners changed.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import threading
import time
import traceback
from types import FrameType

from local import ports
from local.aws import LocalAws
from local.checkout import Checkout
from local.database import ensure_database
from local.emulator import Emulator
from local.errors import LocalCloudError
from local.listener.fleet import Fleet
from local.listener.launched import launched_tasks
from local.ports import LOOPBACK
from local.postgres import Postgres
from local.process.identity import ProcessIdentity
from local.process.lock import FileLock
from local.state import CloudState, ListenerState, Phase
from muster.errors import MusterError

#: Seconds for Postgres and the emulator to come up on a busy machine.
START_TIMEOUT = 180
#: Starts of an emulator that keeps losing its port to other processes.
START_ATTEMPTS = 3
#: Seconds between looks at services that are coming up.
PAUSE = 0.05
#: Seconds between looks at whether the state folder and the listeners are still there.
CHECK = 2
#: What `up` writes into the pipe when the cloud is to outlive it.
KEEP = b"k"


class Asked(Exception):
    """The supervisor was asked to end."""


class Supervisor:
    """Owns Postgres, the emulator and the state file; whoever makes it holds the supervisor lock."""

    def __init__(self, *, checkout: Checkout, lock: FileLock, pipe: int, nonce: str) -> None:
        """`lock` is held; `pipe` is the read end whose write end is held by `muster up`."""
        self._checkout = checkout
        self._lock = lock
        self._pipe: int | None = pipe
        self._signal = ""
        self._woken, self._waker = os.pipe()
        self._emulator: Emulator | None = None
        self._fleet: Fleet | None = None
        self._state = CloudState.read(checkout.state_file).evolve(
            phase=Phase.STARTING,
            reason="",
            supervisor=ProcessIdentity.own(),
            children=(),
            listeners=(),
            nonce=nonce,
        )
        self._postgres = Postgres(
            checkout.database, port=checkout.postgres_port or self._state.postgres_port
        )

    def run(self) -> None:
        """Start, stay, and leave nothing behind."""
        os.set_blocking(self._waker, False)
        signal.set_wakeup_fd(self._waker)
        for number in (signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, lambda _number, _frame: None)  # wakes _look()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)
        phase, reason = Phase.STOPPED, ""
        try:
            self._write()
            self._start()
            self._write(phase=Phase.HELD)
            threading.Thread(target=self._empty_trash, daemon=True).start()
            self._stay()
        except Asked as asked:
            reason = str(asked)
        except MusterError as error:
            phase, reason = Phase.FAILED, str(error)
        except Exception as error:  # noqa: BLE001 - `up` and `status` look for the reason in the state file
            traceback.print_exc()
            phase, reason = Phase.FAILED, f"{type(error).__name__}: {error}"
        finally:
            self._stop()
            if self._lock.in_place():
                self._write(phase=phase, reason=reason, supervisor=None, children=(), listeners=())

    def _empty_trash(self) -> None:
        shutil.rmtree(self._checkout.trash, ignore_errors=True)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signal = self._signal or f"received {signal.Signals(number).name}"

    def _write(self, **changes: object) -> None:
        self._state = self._state.evolve(**changes)
        self._state.write(self._checkout.state_file)

    def _start(self) -> None:
        for port in self._checkout.named_ports:
            if not ports.is_free(port):
                raise LocalCloudError(f"Port {port} is in use; name another, or end what uses it.")
        # The emulator takes longest: it starts first and comes up beside Postgres.
        emulator = self._start_emulator(self._checkout.emulator_port or self._state.emulator_port)
        # From this thread, the main one: Postgres ends when the thread that started it does.
        self._postgres.start(timeout=START_TIMEOUT)
        database_url = ensure_database(self._postgres)
        emulator = self._await_emulator(emulator)
        self._checkout.listeners.unlink(missing_ok=True)  # of an emulator that is gone
        self._fleet = Fleet(
            checkout=self._checkout,
            aws=LocalAws(endpoint=f"http://{LOOPBACK}:{emulator.port}"),
            launched=lambda: launched_tasks(database_url),
        )
        self._write(
            children=self._children(),
            emulator_port=emulator.port,
            postgres_port=self._postgres.port,
            database_url=database_url,
        )

    def _children(self) -> tuple[ProcessIdentity, ...]:
        listeners = self._fleet.children if self._fleet else ()
        own = [self._emulator.child.identity] if self._emulator else []
        own.append(ProcessIdentity.of(self._postgres.process_id))
        return (*own, *(task.child.identity for task in listeners if task.child))

    def _start_emulator(self, port: int | None) -> Emulator:
        self._emulator = Emulator.start(
            checkout=self._checkout,
            port=ports.choose(port),
            nonce=self._state.nonce,
            guarded=True,
        )
        return self._emulator

    def _await_emulator(self, emulator: Emulator) -> Emulator:
        deadline = time.monotonic() + START_TIMEOUT
        attempts = 1
        while not emulator.answers():
            if emulator.child.exit_code() is not None:
                if ports.is_free(emulator.port) or attempts == START_ATTEMPTS:
                    raise self._broken("emulator", emulator.child.exit_code())
                attempts += 1  # another process took the port first
                emulator = self._start_emulator(None)
            if time.monotonic() > deadline:
                raise LocalCloudError(
                    f"The emulator is not up after {START_TIMEOUT} s; see {self._checkout.logs}"
                )
            self._look(PAUSE)
        return emulator

    def _stay(self) -> None:
        while True:
            code = self._emulator.child.exit_code() if self._emulator else None
            if code is not None:
                raise self._broken("emulator", code)
            if not self._postgres.running:
                raise self._broken("postgres", None)
            if not self._lock.in_place():
                raise Asked("its state folder was removed")
            if self._fleet is not None and self._fleet.look():
                self._note_listeners(self._fleet)
            self._look(CHECK)

    def _note_listeners(self, fleet: Fleet) -> None:
        self._write(
            children=self._children(),
            listeners=tuple(
                ListenerState(agent_id=t.definition.agent_id, port=t.port, starts=t.starts)
                for t in fleet.tasks
            ),
        )

    def _stop(self) -> None:
        if self._fleet is not None:
            self._fleet.stop()
        if self._emulator is not None:
            self._emulator.stop()
        self._postgres.stop()

    def _look(self, timeout: float) -> None:
        """Wait for a signal, a child's end or a word from `up`, and heed it.

        Raises:
            Asked: a signal came, or `up` died before it said to keep the cloud.
        """
        watched = [self._woken] if self._pipe is None else [self._woken, self._pipe]
        ready = select.select(watched, [], [], timeout)[0]
        if self._woken in ready:
            os.read(self._woken, 512)
        if self._signal:
            raise Asked(self._signal)
        if self._pipe in ready:
            if os.read(self._pipe, 1) != KEEP:
                raise Asked("the `muster up` that started it ended before it was done")
            os.close(self._pipe)
            self._pipe = None
            self._write(phase=Phase.RUNNING)

    def _broken(self, name: str, code: int | None) -> LocalCloudError:
        log = self._postgres.log if name == "postgres" else self._checkout.logs / f"{name}.log"
        told = "" if code is None else f" with exit code {code}"
        return LocalCloudError(f"{name} ended by itself{told}; see {log}")


def main(pipe: int, nonce: str) -> int:
    """Become the one supervisor of the checkout, in the background; 1 when another is at work.

    Whoever starts this program gets its exit code at once; the supervisor is its orphan.
    """
    if os.fork() > 0:
        os._exit(0)
    checkout = Checkout.locate()
    lock = FileLock(checkout.supervisor_lock)
    if not lock.try_acquire():
        print("another supervisor is at work", file=sys.stderr)
        return 1
    with lock:
        Supervisor(checkout=checkout, lock=lock, pipe=pipe, nonce=nonce).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
