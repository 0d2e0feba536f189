"""The plain loop: receive ten, handle and delete one after the other."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3


def handle(params: Any) -> None:
    """The job that does nothing."""


def main() -> None:
    """Consume for ever."""
    sqs: Any = boto3.client("sqs")
    queue = os.environ["BENCH_QUEUE_URL"]
    while True:
        reply = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        for message in reply.get("Messages", []):
            handle(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


if __name__ == "__main__":
    main()
