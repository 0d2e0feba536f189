"""Messages as the endpoint keeps them: most of what a receive answers is written once, when they are sent."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Content:
    """What was sent."""

    #: The part of a received message's JSON that tells it.
    json: str
    md5: str

    @classmethod
    def of(cls, body: str, attributes: dict[str, Any] | None) -> Content:
        """Of a body with message attributes."""
        md5 = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
        told: dict[str, Any] = {"Body": body, "MD5OfBody": md5}
        if attributes:
            told["MessageAttributes"] = attributes
        return cls(json=json.dumps(told)[1:-1], md5=md5)


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
