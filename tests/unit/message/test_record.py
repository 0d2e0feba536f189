from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from muster.message.record import from_lambda, from_receive
from muster.model import Message

EVENTS = Path(__file__).parents[2] / "events"


def test_lambda_and_the_api_hand_over_the_same_message():
    # Given one message as Lambda shows it
    [record] = json.loads((EVENTS / "sqs_event.json").read_text())["Records"]
    # And as ReceiveMessage does
    received = {
        "MessageId": record["messageId"],
        "ReceiptHandle": record["receiptHandle"],
        "Body": record["body"],
        "Attributes": record["attributes"],
        "MessageAttributes": {
            "muster-job": {"DataType": "String", "StringValue": "order-7"},
            "blob": {"DataType": "Binary", "BinaryValue": b"\0\1\2"},
        },
    }
    # Then both are read alike, and binary attributes are left out
    expected = Message(
        message_id="059f36b4-87a3-44ab-83d2-661975830a7d",
        receipt_handle="AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        body='{"text": "Hello"}',
        attributes={"muster-job": "order-7"},
        sent_at=datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC),
        receive_count=3,
    )
    assert from_lambda(record) == from_receive(received) == expected


def test_a_message_without_attributes_is_read():
    bare = {"MessageId": "m", "ReceiptHandle": "r", "Body": "{}"}
    assert from_receive(bare) == Message(message_id="m", receipt_handle="r", body="{}")
