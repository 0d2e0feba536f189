"""One call of SQS: signed, sent, judged, and tried again where that may help."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

from muster.aws.client import TOTAL_ATTEMPTS
from muster.aws.fast.clock import ServiceClock
from muster.aws.fast.connection import Broken, Pool, Unreachable
from muster.aws.fast.credentials import Keyring
from muster.aws.fast.failure import Cause
from muster.aws.fast.fault import Fault, answer_fault, connection_fault, json_object
from muster.aws.fast.retry import Quota, pause
from muster.aws.fast.signing import Identity, Place, Signer

# Made once: `json.dumps` makes one for each call.
_encode = json.JSONEncoder(separators=(",", ":")).encode


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
        body = _encode(arguments).encode()
        attempt = 1
        repeated: Cause | None = None
        mended: set[Cause] = set()
        while True:
            identity = self._keyring.identity()
            result = self._try(operation, body, identity, seconds)
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

    def _try(
        self, operation: str, body: bytes, identity: Identity, seconds: float
    ) -> dict[str, Any] | Fault:
        head = self._signer.head(f"AmazonSQS.{operation}", body, identity)
        try:
            answer = self._pool.exchange(head + body, seconds=seconds)
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
