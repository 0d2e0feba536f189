"""The job's end of the pipes to its worker."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from muster.errors import PermanentError
from muster.isolation.fault import revived
from muster.isolation.frame import FrameReader, encoded


class WrongProcess(PermanentError):
    """Only the process that runs the agent's function speaks to the worker; a copy of it does not."""

    code = "wrong_process"


class WorkerGone(BaseException):
    """Nobody is there any more; no `except Exception` of an agent goes on alone."""


class Channel:
    """Sends messages and gets answers, one at a time, from any thread of this process.

    Args:
        ask: descriptor to write to.
        answer: descriptor to read from.
    """

    def __init__(self, ask: int, answer: int) -> None:
        self._ask = ask
        self._answer = answer
        self._reader = FrameReader()
        self._lock = threading.Lock()
        self._process = os.getpid()

    def receive(self) -> dict[str, Any]:
        """The next message.

        Raises:
            WorkerGone: there will be none.
        """
        while piece := os.read(self._answer, 1 << 16):
            for message in self._reader.feed(piece):
                return message  # an answer comes alone: the next is sent when it was asked for
        raise WorkerGone

    def send(self, message: Mapping[str, Any]) -> None:
        """Tell the worker something.

        Raises:
            WrongProcess: this is a copy of the job's process.
            TypeError, ValueError: it is not JSON.
        """
        self._check_process()
        frame = encoded(message)
        with self._lock:
            self._write(frame)

    def send_last(self, frame: bytes) -> None:
        """Tell the worker how it ended; whoever wants to say something afterwards waits for ever."""
        self._lock.acquire()
        self._write(frame)

    def ask(self, frame: bytes) -> Any:
        """Have the worker do something, and return what comes of it.

        Raises:
            MusterError: the worker could not, or would not.
        """
        self._check_process()
        with self._lock:
            self._write(frame)
            answer = self.receive()
        if "fault" in answer:
            error, _ = revived(answer["fault"])
            raise error
        return answer["value"]

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise WrongProcess

    def _write(self, frame: bytes) -> None:
        left = memoryview(frame)
        while left:
            left = left[os.write(self._ask, left) :]
