"""Calls of SQS: signed, sent, judged, and tried again where that may help."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from muster.aws.client import TOTAL_ATTEMPTS
from muster.aws.failure import service_errors
from muster.aws.fast.answer import Answer
from muster.aws.fast.clock import ServiceClock
from muster.aws.fast.connection import Connection
from muster.aws.fast.credentials import Keyring
from muster.aws.fast.failure import Cause
from muster.aws.fast.fault import Fault, answer_fault, connection_fault, json_object
from muster.aws.fast.pool import NoAnswer, Pool
from muster.aws.fast.retry import Quota, pause
from muster.aws.fast.signing import Identity, Place, Signer
from muster.ports import Ready

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
        return self.prepare(operation, arguments, seconds=seconds).send()

    def prepare(
        self, operation: str, arguments: dict[str, Any], *, seconds: float
    ) -> Ready[dict[str, Any]]:
        """The same in two steps: what is returned sends the request, which is made and signed by then.

        It never raises; who can sign nothing now is told by the second step.
        """
        body = _encode(arguments).encode()
        try:
            signed = self._signed(operation, body)
        except service_errors():
            signed = None
        return Ready(
            send=partial(self._send, operation, body, signed, seconds),
            post=partial(self._post, operation, body, signed, seconds),
        )

    def call_at_once(
        self, operation: str, calls: Sequence[dict[str, Any]], *, seconds: float
    ) -> list[dict[str, Any] | Exception]:
        """What the service answers to several calls of one operation, or what `call` would raise.

        The first tries are under way together; what is tried again is, one call after another.

        Raises:
            botocore.exceptions.BotoCoreError: there are no credentials.
        """
        bodies = [_encode(arguments).encode() for arguments in calls]
        signed = [self._signed(operation, body) for body in bodies]
        results = self._try(operation, [request for _, request in signed], seconds)
        return [
            self._pursue(operation, body, result, identity, seconds)
            for body, result, (identity, _) in zip(bodies, results, signed, strict=True)
        ]

    def _send(
        self, operation: str, body: bytes, signed: _Signed | None, seconds: float
    ) -> dict[str, Any]:
        identity, request = signed or self._signed(operation, body)
        [result] = self._try(operation, [request], seconds)
        return self._concluded(operation, body, result, identity, seconds)

    def _post(
        self, operation: str, body: bytes, signed: _Signed | None, seconds: float
    ) -> Callable[[], dict[str, Any]] | None:
        if signed is None:
            return None
        connection = self._pool.post(signed[1], seconds=seconds)
        if connection is None:
            return None
        return partial(self._hear, connection, operation, body, signed, seconds)

    def _hear(
        self,
        connection: Connection,
        operation: str,
        body: bytes,
        signed: _Signed,
        seconds: float,
    ) -> dict[str, Any]:
        identity, request = signed
        answer = self._pool.hear(connection, request, seconds=seconds)
        return self._concluded(operation, body, self._read(answer, operation), identity, seconds)

    def _concluded(
        self,
        operation: str,
        body: bytes,
        result: dict[str, Any] | Fault,
        identity: Identity,
        seconds: float,
    ) -> dict[str, Any]:
        answer = self._pursue(operation, body, result, identity, seconds)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _pursue(
        self,
        operation: str,
        body: bytes,
        result: dict[str, Any] | Fault,
        identity: Identity,
        seconds: float,
    ) -> dict[str, Any] | Exception:
        """What a try gave, or what others after it give, as long as they may help."""
        attempt = 1
        repeated: Cause | None = None
        mended: set[Cause] = set()
        while isinstance(result, Fault):
            if not self._mend(result, identity, mended):
                if not self._worthwhile(result, attempt):
                    return result.error
                repeated = result.cause
                wait = pause(repeated, attempt=attempt, chance=self._chance(), asked=result.pause)
                self._sleep(wait)
                attempt += 1
            identity, request = self._signed(operation, body)
            [result] = self._try(operation, [request], seconds)
        self._quota.give(repeated)
        return result

    def _signed(self, operation: str, body: bytes) -> _Signed:
        identity = self._keyring.identity()
        return identity, self._signer.head(f"AmazonSQS.{operation}", body, identity) + body

    def _try(
        self, operation: str, requests: Sequence[bytes], seconds: float
    ) -> list[dict[str, Any] | Fault]:
        answers = self._pool.exchange(requests, seconds=seconds)
        return [self._read(answer, operation) for answer in answers]

    def _read(self, answer: Answer | NoAnswer, operation: str) -> dict[str, Any] | Fault:
        if not isinstance(answer, Answer):
            return connection_fault(answer, url=self._url)
        if answer.status == HTTPStatus.OK:
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
