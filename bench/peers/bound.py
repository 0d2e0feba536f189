"""The bound: what a loop costs that signs and sends by urllib3, and does nothing else at all.

No retries, no refreshed credentials, no endpoints to find, no errors understood: not to be used.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import urllib3

_REGION = os.environ.get("AWS_REGION", "us-east-1")
_TYPE = "application/x-amz-json-1.0"
_NAMES = "content-type;host;x-amz-date;x-amz-target"


class Sqs:
    """Calls the service."""

    def __init__(self, size: int) -> None:
        endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
        self._host = endpoint.netloc
        self._http = urllib3.HTTPConnectionPool(
            endpoint.hostname or "", endpoint.port, maxsize=size, retries=False
        )
        self._day = time.strftime("%Y%m%d", time.gmtime())
        key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
        for part in (self._day, _REGION, "sqs", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._key = key

    def call(self, operation: str, **arguments: Any) -> Any:
        """One call."""
        body = json.dumps(arguments).encode()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        target = f"AmazonSQS.{operation}"
        request = (
            f"POST\n/\n\ncontent-type:{_TYPE}\nhost:{self._host}\nx-amz-date:{stamp}\n"
            f"x-amz-target:{target}\n\n{_NAMES}\n{hashlib.sha256(body).hexdigest()}"
        )
        scope = f"{self._day}/{_REGION}/sqs/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}".encode()
        signature = hmac.digest(self._key, text, "sha256").hex()
        credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
        headers = {
            "Content-Type": _TYPE,
            "X-Amz-Date": stamp,
            "X-Amz-Target": target,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, "
            f"SignedHeaders={_NAMES}, Signature={signature}",
        }
        return json.loads(self._http.urlopen("POST", "/", body=body, headers=headers).data)


def handle(params: Any) -> None:
    """The job that does nothing."""


def consume(sqs: Sqs, queue: str) -> None:
    """Consume for ever."""
    while True:
        reply = sqs.call(
            "ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=20
        )
        done: list[dict[str, str]] = []
        for index, message in enumerate(reply.get("Messages", [])):
            handle(json.loads(message["Body"]))
            done.append({"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]})
        if done:
            sqs.call("DeleteMessageBatch", QueueUrl=queue, Entries=done)


def main() -> None:
    """Start the threads."""
    size = int(os.environ["BENCH_SIZE"])
    sqs = Sqs(size)
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
