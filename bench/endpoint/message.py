"""Messages as the endpoint keeps them: what a receive answers is written once, for the first that asks."""

from __future__ import annotations

import hashlib
import json
import time
from functools import cached_property
from typing import Any


class Content:
    """What was sent: a body with message attributes."""

    def __init__(self, body: str, attributes: dict[str, Any] | None) -> None:
        self._body = body
        self._attributes = attributes
        self.md5 = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()

    @cached_property
    def json(self) -> str:
        """The part of a received message's JSON that tells it."""
        told: dict[str, Any] = {"Body": self._body, "MD5OfBody": self.md5}
        if self._attributes:
            told["MessageAttributes"] = self._attributes
        return json.dumps(told)[1:-1]


class Message:
    """A message in a queue."""

    __slots__ = ("content", "message_id", "receive_count", "sent")

    def __init__(self, message_id: str, content: Content) -> None:
        self.message_id = message_id
        self.content = content
        self.sent = int(time.time() * 1000)
        self.receive_count = 0

    def handle(self) -> str:
        """Proves the latest receive."""
        return f"{self.message_id}#{self.receive_count}"

    def received(self, attributes: bool) -> str:
        """Its JSON for the receive that was just counted."""
        system = (
            f',"Attributes":{{"SentTimestamp":"{self.sent}",'
            f'"ApproximateReceiveCount":"{self.receive_count}"}}'
            if attributes
            else ""
        )
        return (
            f'{{"MessageId":"{self.message_id}","ReceiptHandle":"{self.handle()}",'
            f"{self.content.json}{system}}}"
        )
