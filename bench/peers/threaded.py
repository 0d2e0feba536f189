"""A loop as somebody would write it who knows SQS well: threads, one client, deletes in batches."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

import boto3
from botocore.config import Config


def handle(params: Any) -> None:
    """The job that does nothing."""


def consume(sqs: Any, queue: str) -> None:
    """Consume for ever."""
    while True:
        reply = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        done: list[dict[str, str]] = []
        for index, message in enumerate(reply.get("Messages", [])):
            handle(json.loads(message["Body"]))
            done.append({"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]})
        if done:
            sqs.delete_message_batch(QueueUrl=queue, Entries=done)


def main() -> None:
    """Start the threads."""
    size = int(os.environ["BENCH_SIZE"])
    sqs: Any = boto3.client("sqs", config=Config(max_pool_connections=size))
    threads = [
        threading.Thread(target=consume, args=(sqs, os.environ["BENCH_QUEUE_URL"]))
        for _ in range(size)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
