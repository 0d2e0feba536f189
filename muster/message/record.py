"""SQS messages as Lambda and the SQS API hand them over, as one `Message`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from muster.model import Message


def from_lambda(record: Mapping[str, Any]) -> Message:
    """One of the `Records` of an SQS event, as a Lambda function receives it."""
    system: Mapping[str, str] = record.get("attributes") or {}
    return Message(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        body=record["body"],
        attributes=_strings(record.get("messageAttributes"), "stringValue"),
        sent_at=_sent_at(system),
        receive_count=_receive_count(system),
    )


def from_receive(received: Mapping[str, Any]) -> Message:
    """One of the `Messages` of a ReceiveMessage reply."""
    system: Mapping[str, str] = received.get("Attributes") or {}
    return Message(
        message_id=received["MessageId"],
        receipt_handle=received["ReceiptHandle"],
        body=received["Body"],
        attributes=_strings(received.get("MessageAttributes"), "StringValue"),
        sent_at=_sent_at(system),
        receive_count=_receive_count(system),
    )


def _strings(attributes: Mapping[str, Any] | None, key: str) -> dict[str, str]:
    if not attributes:
        return {}
    # Binary attributes have no such key; nothing of ours is binary.
    return {name: value[key] for name, value in attributes.items() if value.get(key) is not None}


def _sent_at(attributes: Mapping[str, str]) -> datetime | None:
    sent = attributes.get("SentTimestamp")
    return datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None


def _receive_count(attributes: Mapping[str, str]) -> int:
    return int(attributes.get("ApproximateReceiveCount", "1"))
