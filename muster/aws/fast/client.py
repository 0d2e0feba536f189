"""The operations of SQS that Muster uses, called as on a boto3 client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muster.aws.fast.caller import Caller
from muster.aws.fast.pool import Pool
from muster.ports import Ready


class FastSqs:
    """Takes the place of a boto3 client of SQS. Safe for use by several threads.

    Arguments, replies and exceptions are those of boto3; arguments are not checked before they are sent.
    Besides, batches can be sent several at once: a thread for each would cost more than what it waits for.

    Args:
        patience: longest silence of SQS within one try, in seconds; a receive waits for messages besides.
    """

    def __init__(self, caller: Caller, pool: Pool, *, patience: float) -> None:
        self._call = caller.call
        self._prepare = caller.prepare
        self._at_once = caller.call_at_once
        self._pool = pool
        self._patience = patience

    def receive_message(self, **arguments: Any) -> dict[str, Any]:
        wait: float = arguments.get("WaitTimeSeconds", 0)
        return self._call("ReceiveMessage", arguments, seconds=self._patience + wait)

    def receive_messages(self, calls: Sequence[dict[str, Any]]) -> list[dict[str, Any] | Exception]:
        """Several of `receive_message` at once: what each would return, or raise."""
        wait: float = max(call.get("WaitTimeSeconds", 0) for call in calls)
        return self._at_once("ReceiveMessage", calls, seconds=self._patience + wait)

    def send_message_batch(self, **arguments: Any) -> dict[str, Any]:
        return self._call("SendMessageBatch", arguments, seconds=self._patience)

    def prepare_message_batch(self, **arguments: Any) -> Ready[dict[str, Any]]:
        """A `send_message_batch` that is encoded and signed."""
        return self._prepare("SendMessageBatch", arguments, seconds=self._patience)

    def delete_message_batch(self, **arguments: Any) -> dict[str, Any]:
        return self._call("DeleteMessageBatch", arguments, seconds=self._patience)

    def change_message_visibility_batch(self, **arguments: Any) -> dict[str, Any]:
        return self._call("ChangeMessageVisibilityBatch", arguments, seconds=self._patience)

    def delete_message_batches(
        self, calls: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any] | Exception]:
        """Several of `delete_message_batch` at once: what each would return, or raise."""
        return self._at_once("DeleteMessageBatch", calls, seconds=self._patience)

    def change_message_visibility_batches(
        self, calls: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any] | Exception]:
        """Several of `change_message_visibility_batch` at once: what each would return, or raise."""
        return self._at_once("ChangeMessageVisibilityBatch", calls, seconds=self._patience)

    def get_queue_attributes(self, **arguments: Any) -> dict[str, Any]:
        return self._call("GetQueueAttributes", arguments, seconds=self._patience)

    def close(self) -> None:
        """End calls of other threads at once, long polls included; nothing can be called any more."""
        self._pool.close()
