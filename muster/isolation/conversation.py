"""What a worker and the process of its job say to each other, until one of them has the last word."""

from __future__ import annotations

import math
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from muster.errors import MusterError, PermanentError, RetryableError
from muster.isolation.failure import OutputTooLarge, ProtocolBroken, timed_out
from muster.isolation.fault import described
from muster.isolation.frame import BadFrame, FrameReader, FrameTooLong, encoded
from muster.isolation.guard import GRACE_SECONDS, KILL_SECONDS
from muster.isolation.output import Output
from muster.isolation.telling import tell
from muster.job import Job
from muster.mask import Mask

#: A guard that was told to end its job and has not is killed itself, after this many seconds.
_PATIENCE_SECONDS = GRACE_SECONDS + KILL_SECONDS + 1.0

#: After its result, a job's process ends at once; one that cannot is ended.
_ENDING_SECONDS = 1.0

#: Longest wait in one call of the system.
_SLICE_SECONDS = 0.5


class Conversation:
    """One job's, in the thread that calls `hold`.

    Args:
        guard: started with pipes for its three standard streams.
        ask: descriptor that the job writes to.
        answer: descriptor that the job reads from.
        verdict: descriptor for the guard's last word.
    """

    def __init__(
        self,
        job: Job,
        *,
        guard: subprocess.Popen[bytes],
        ask: int,
        answer: int,
        verdict: int,
        limit: timedelta,
    ) -> None:
        self._job = job
        self._guard = guard
        self._ask, self._answer, self._verdict = ask, answer, verdict
        self._limit = limit
        self._until = time.monotonic() + limit.total_seconds()
        self._frames = FrameReader()
        self._outgoing = b""
        self._selector = selectors.DefaultSelector()
        mask = Mask(job.secrets.values())
        self._outputs = [
            Output(stream=name, log=job.log, mask=mask) for name in ("stdout", "stderr")
        ]
        self._stopped = False
        #: The job's last message: {"kind": "result" | "fault", ...}; None: there was none.
        self.last: Mapping[str, Any] | None = None
        #: Why the worker stopped the job; None: it did not.
        self.reason: RetryableError | None = None
        #: The guard's last word.
        self.word = b""

    def hold(self, first: bytes) -> None:
        """Say `first`, and then what is asked for, until the guard is gone or will not go."""
        readers = self._readers()
        for descriptor in [*readers, self._answer]:
            os.set_blocking(descriptor, False)
        for descriptor, reader in readers.items():
            self._selector.register(descriptor, selectors.EVENT_READ, reader)
        self._say(first)
        with self._selector:
            while self._verdict in self._selector.get_map() and self._waits():
                # In slices: a host may interrupt this thread, which takes effect between two calls.
                for key, _ in self._selector.select(min(self._left(), _SLICE_SECONDS)):
                    if key.fd == self._answer:
                        self._flush()
                    else:
                        self._read(key.fd, key.data)
            for descriptor, reader in readers.items():
                if descriptor in self._selector.get_map():
                    self._drain(descriptor, reader)
        for output in self._outputs:
            output.close()

    def _readers(self) -> dict[int, Callable[[bytes], None]]:
        """What is done with what comes from each descriptor."""
        found: dict[int, Callable[[bytes], None]] = {self._ask: self._hear}
        for pipe, output in zip(
            (self._guard.stdout, self._guard.stderr), self._outputs, strict=True
        ):
            if pipe is not None:
                found[pipe.fileno()] = self._listener(output)
        found[self._verdict] = self._note
        return found

    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def _waits(self) -> bool:
        """Whether there is time left; at the end of the job's there is some for its end."""
        if self._left() > 0:
            return True
        if self._stopped:
            return False
        self._stop(None if self.last is not None else timed_out(self._limit))
        return True

    def _stop(self, reason: RetryableError | None) -> None:
        """Let go of the lifeline: the guard ends the job."""
        if self._stopped:
            return
        self._stopped = True
        self.reason = reason
        self._until = time.monotonic() + _PATIENCE_SECONDS
        if self._guard.stdin is not None:
            self._guard.stdin.close()

    # --- what comes ---

    def _read(self, descriptor: int, reader: Callable[[bytes], None]) -> bool:
        """Read a piece; false when there is none now, or never again."""
        try:
            piece = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return False
        if not piece:
            self._selector.unregister(descriptor)
            return False
        reader(piece)
        return True

    def _drain(self, descriptor: int, reader: Callable[[bytes], None]) -> None:
        """What was still in the pipe; something that got away may write on, so there is an end to it."""
        most = math.ceil((1 << 20) / (1 << 16))
        for _ in range(most):
            if not self._read(descriptor, reader):
                return

    def _note(self, piece: bytes) -> None:
        self.word += piece

    def _listener(self, output: Output) -> Callable[[bytes], None]:
        def listen(piece: bytes) -> None:
            output.feed(piece)
            if output.too_much:
                self._stop(
                    OutputTooLarge(
                        f"the job printed {output.printed} bytes and more; let it print less"
                    )
                )

        return listen

    def _hear(self, piece: bytes) -> None:
        try:
            for message in self._frames.feed(piece):
                self._answer_to(message)
        except FrameTooLong as problem:
            self._stop(OutputTooLarge(f"the job told its worker too much at once: {problem}"))
        except BadFrame as problem:
            self._stop(ProtocolBroken(f"the job wrote into the pipe of its worker: {problem}"))

    def _answer_to(self, message: Mapping[str, Any]) -> None:
        if self._stopped or self.last is not None:
            return
        match message:
            case {"kind": "result", "result": _} | {"kind": "fault", "fault": {}}:
                self.last = message
                self._until = min(self._until, time.monotonic() + _ENDING_SECONDS)
            case {"kind": "checkpoint", "state": state}:
                self._do(lambda: self._job.checkpoint(state))
            case {"kind": "statement", "name": str(name), "params": {**params}}:
                self._do(lambda: self._job.database.run(name, params))
            case _:
                tell(self._job, message)

    def _do(self, wish: Callable[[], object]) -> None:
        try:
            answer = encoded({"value": wish()})
        except FrameTooLong as problem:
            large = PermanentError(
                f"the rows do not fit into a job with a process of its own ({problem}): give the "
                "statement a LIMIT, and read them in parts",
                code="statement_result",
            )
            answer = encoded({"fault": described(large)})
        except (MusterError, TypeError, ValueError) as error:
            answer = encoded({"fault": described(error)})
        self._say(answer)

    # --- what goes ---

    def _say(self, frame: bytes) -> None:
        self._outgoing += frame
        self._flush()

    def _flush(self) -> None:
        """Write what the pipe takes now, and the rest when it takes more."""
        try:
            while self._outgoing:
                self._outgoing = self._outgoing[os.write(self._answer, self._outgoing) :]
        except BlockingIOError:
            if self._answer not in self._selector.get_map():
                self._selector.register(self._answer, selectors.EVENT_WRITE)
            return
        except BrokenPipeError:
            self._outgoing = b""  # the job is gone, and how it ended will be told
        if self._answer in self._selector.get_map():
            self._selector.unregister(self._answer)
