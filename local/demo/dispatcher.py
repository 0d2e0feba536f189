"""Asks the dispatcher for a tick between its minutes, so that nobody waits for the next one."""

from __future__ import annotations

import time
from collections.abc import Callable

from local.aws import LocalAws
from local.errors import LocalCloudError

_HANDLER = "lambdas.scheduler.handler.handler"


class Dispatcher:
    """The deployed dispatcher function, invoked through AWS's API.

    EventBridge Scheduler calls it once a minute. A lost worker's jobs come back with the first tick
    after their lease, so an extra one only shortens the wait; two at once are harmless.
    """

    #: Seconds after sending in which no lease can have ended.
    first_call_after = 12.0
    #: Seconds between calls.
    pause = 4.0

    def __init__(self, aws: LocalAws, *, allowed: Callable[[], bool]) -> None:
        self._allowed = allowed
        self._lambda = aws.client("lambda")
        self._function = ""
        self._called = 0.0

    def nudge(self, elapsed: float) -> None:
        """Call it, unless that was done moments ago, cannot help yet, or is not allowed.

        Args:
            elapsed: seconds since the jobs were sent.

        Raises:
            LocalCloudError: the stage has no dispatcher.
        """
        if elapsed < self.first_call_after or time.monotonic() - self._called < self.pause:
            return
        if not self._allowed():
            return
        self._function = self._function or self._find()
        self._lambda.invoke(FunctionName=self._function, InvocationType="Event", Payload=b"{}")
        self._called = time.monotonic()

    def _find(self) -> str:
        for page in self._lambda.get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                if function["Handler"] == _HANDLER:
                    return str(function["FunctionName"])
        raise LocalCloudError("The deployed stage has no dispatcher.")
