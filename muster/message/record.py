"""SQS messages as Lambda and the SQS API hand them over, as one `Message`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from muster.model import Message


def from_lambda(record: Mapping[str, Any]) -> Message:
    """One of the `Records` of an SQS event, as a Lambda function receives it."""
    return Message(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        body=record["body"],
        attributes=_strings(record.get("messageAttributes"), "stringValue"),
        **_system(record.get("attributes")),
    )


def from_receive(received: Mapping[str, Any]) -> Message:
    """One of the `Messages` of a ReceiveMessage reply."""
    return Message(
        message_id=received["MessageId"],
        receipt_handle=received["ReceiptHandle"],
        body=received["Body"],
        attributes=_strings(received.get("MessageAttributes"), "StringValue"),
        **_system(received.get("Attributes")),
    )


def _strings(attributes: Mapping[str, Any] | None, key: str) -> dict[str, str]:
    # Binary attributes have no such key; nothing of ours is binary.
    present = (attributes or {}).items()
    return {name: value[key] for name, value in present if value.get(key) is not None}


def _system(attributes: Mapping[str, str] | None) -> dict[str, Any]:
    given = attributes or {}
    sent = given.get("SentTimestamp")
    return {
        "sent_at": datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None,
        "receive_count": int(given.get("ApproximateReceiveCount", "1")),
    }
