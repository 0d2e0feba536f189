"""One call of SQS: signed, sent, judged, and tried again where that may help."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from muster.aws.client import TOTAL_ATTEMPTS
from muster.aws.failure import service_errors
from muster.aws.fast.clock import ServiceClock
from muster.aws.fast.connection import Broken, Pool, Unreachable
from muster.aws.fast.credentials import Keyring
from muster.aws.fast.failure import Cause
from muster.aws.fast.fault import Fault, answer_fault, connection_fault, json_object
from muster.aws.fast.retry import Quota, pause
from muster.aws.fast.signing import Identity, Place, Signer

# Made once: `json.dumps` makes one for each call.
_encode = json.JSONEncoder(separators=(",", ":")).encode


#: Who signed a request, and all of it.
_Signed = tuple[Identity, bytes]


class Caller:
    """Calls operations of SQS by name. Safe for use by several threads.

    Args:
        url: the endpoint's, for messages.
        sleep: waits the given seconds between two tries.
        chance: a number in 0..1, anew at each call.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        place: Place,
        keyring: Keyring,
        url: str,
        clock: ServiceClock | None = None,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._pool = pool
        self._keyring = keyring
        self._url = url
        self._clock = clock or ServiceClock()
        self._signer = Signer(place, now=self._clock.now)
        self._quota = Quota()
        self._sleep = sleep
        self._chance = chance

    def call(self, operation: str, arguments: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """What the service answers.

        Args:
            operation: such as `ReceiveMessage`.
            seconds: longest time for the answer to one try.

        Raises:
            botocore.exceptions.ClientError: the service refused.
            botocore.exceptions.BotoCoreError: it did not answer, or there are no credentials.
        """
        return self.prepare(operation, arguments, seconds=seconds)()

    def prepare(
        self, operation: str, arguments: dict[str, Any], *, seconds: float
    ) -> Callable[[], dict[str, Any]]:
        """The same in two steps: what is returned sends the request, which is made and signed by then.

        It never raises; who can sign nothing now is told by the second step.
        """
        body = _encode(arguments).encode()
        try:
            signed = self._signed(operation, body)
        except service_errors():
            signed = None
        return partial(self._send, operation, body, signed, seconds)

    def _send(
        self, operation: str, body: bytes, signed: _Signed | None, seconds: float
    ) -> dict[str, Any]:
        attempt = 1
        repeated: Cause | None = None
        mended: set[Cause] = set()
        while True:
            identity, request = signed or self._signed(operation, body)
            signed = None
            result = self._try(operation, request, seconds)
            if not isinstance(result, Fault):
                self._quota.give(repeated)
                return result
            if self._mend(result, identity, mended):
                continue
            if not self._worthwhile(result, attempt):
                raise result.error
            repeated = result.cause
            self._sleep(pause(repeated, attempt=attempt, chance=self._chance(), asked=result.pause))
            attempt += 1

    def _signed(self, operation: str, body: bytes) -> _Signed:
        identity = self._keyring.identity()
        return identity, self._signer.head(f"AmazonSQS.{operation}", body, identity) + body

    def _try(self, operation: str, request: bytes, seconds: float) -> dict[str, Any] | Fault:
        try:
            answer = self._pool.exchange(request, seconds=seconds)
        except (Unreachable, Broken) as problem:
            return connection_fault(problem, url=self._url)
        if answer.status == 200:
            content = json_object(answer.body)
            if content is not None:
                return content
        return answer_fault(answer, operation=operation)

    def _mend(self, fault: Fault, identity: Identity, mended: set[Cause]) -> bool:
        """Whether the fault was ours and is mended, so that the call is worth another try at once."""
        if fault.cause in mended:
            return False
        mended.add(fault.cause)
        if fault.cause is Cause.SKEW:
            return self._clock.correct(fault.date)
        return fault.cause is Cause.EXPIRED and self._keyring.replace(identity)

    def _worthwhile(self, fault: Fault, attempt: int) -> bool:
        return (
            fault.cause in {Cause.TRANSIENT, Cause.THROTTLED}
            and attempt < TOTAL_ATTEMPTS
            and not self._pool.closed
            and self._quota.take(fault.cause)
        )
