"""The operations of SQS on queues in memory, and the benchmark's own."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from bench.endpoint.message import Content
from bench.endpoint.polls import Polls
from bench.endpoint.queue import Queue

#: What an operation answers: JSON.
Answer = str


class Refused(Exception):
    """The request is refused; the name is the error's."""

    def __init__(self, name: str, older: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.older = older or name


class Service:
    """All queues, and what can be asked of them.

    Args:
        url: of this endpoint, without a path.
        latency: seconds from a request to its answer.
    """

    def __init__(self, url: str, *, latency: float) -> None:
        self.url = url
        self.latency = latency
        self._queues: dict[str, Queue] = {}
        self._polls = Polls()
        self._requests: Counter[str] = Counter()
        self._secrets: dict[str, str] = {}

    def answer(self, target: str, body: bytes) -> Answer | asyncio.Future[Answer]:
        """Answer one request, at once or later.

        Raises:
            Refused: see there.
        """
        operation = target.rpartition(".")[2]
        known: dict[str, Callable[[Any], Answer | asyncio.Future[Answer]]] = {
            "ReceiveMessage": self._receive,
            "DeleteMessageBatch": self._delete_batch,
            "DeleteMessage": self._delete,
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
            "ChangeMessageVisibility": self._change,
            "ChangeMessageVisibilityBatch": self._change_batch,
            "CreateQueue": self._create,
            "DeleteQueue": self._remove,
            "GetQueueUrl": self._find,
            "ListQueues": self._list,
            "GetQueueAttributes": self._attributes,
            "SetQueueAttributes": lambda _: "{}",
            "PurgeQueue": self._purge,
            "Release": self._release,
            "Repeat": self._repeat,
            "Latency": self._set_latency,
            "Statistics": self._statistics,
            "PutSecret": self._put_secret,
            "GetSecretValue": self._secret,
        }
        if operation not in known:
            raise Refused("InvalidAction")
        self._requests[operation] += 1
        return known[operation](json.loads(body or b"{}"))

    def _receive(self, request: Any) -> Answer | asyncio.Future[Answer]:
        queue = self._queue(request)
        asked = request.get("MessageSystemAttributeNames") or request.get("AttributeNames")

        def take() -> Answer | None:
            messages = queue.receive(
                request.get("MaxNumberOfMessages", 1),
                visibility=request.get("VisibilityTimeout"),
                now=time.monotonic(),
            )
            told = ",".join([message.received(bool(asked)) for message in messages])
            return f'{{"Messages":[{told}]}}' if messages else None

        found = take()
        wait = request.get("WaitTimeSeconds", 0)
        if found is not None or not wait:
            return found or "{}"
        return self._polls.wait(queue, take, seconds=wait)

    def _delete(self, request: Any) -> Answer:
        if not self._queue(request).delete(request["ReceiptHandle"]):
            raise Refused("ReceiptHandleIsInvalid")
        return "{}"

    def _delete_batch(self, request: Any) -> Answer:
        queue = self._queue(request)
        return _outcomes(request, lambda entry: queue.delete(entry["ReceiptHandle"]))

    def _change(self, request: Any) -> Answer:
        if not self._hide(self._queue(request), request):
            raise Refused("ReceiptHandleIsInvalid")
        return "{}"

    def _change_batch(self, request: Any) -> Answer:
        queue = self._queue(request)
        return _outcomes(request, lambda entry: self._hide(queue, entry))

    def _hide(self, queue: Queue, entry: Any) -> bool:
        done = queue.change_visibility(
            entry["ReceiptHandle"], entry["VisibilityTimeout"], now=time.monotonic()
        )
        self._polls.look(queue)
        return done

    def _send(self, request: Any) -> Answer:
        return f"{{{self._store(self._queue(request), request)}}}"

    def _send_batch(self, request: Any) -> Answer:
        queue = self._queue(request)
        sent = [
            f'{{"Id":{json.dumps(entry["Id"])},{self._store(queue, entry)}}}'
            for entry in request["Entries"]
        ]
        return f'{{"Successful":[{",".join(sent)}],"Failed":[]}}'

    def _store(self, queue: Queue, entry: Any) -> str:
        content = Content(entry["MessageBody"], entry.get("MessageAttributes"))
        message = queue.send(content, delay=entry.get("DelaySeconds", 0), now=time.monotonic())
        self._polls.look(queue)
        return f'"MessageId":"{message.message_id}","MD5OfMessageBody":"{content.md5}"'

    def _create(self, request: Any) -> Answer:
        name = request["QueueName"]
        visibility = (request.get("Attributes") or {}).get("VisibilityTimeout", 30)
        self._queues.setdefault(name, Queue(name, visibility=float(visibility)))
        return self._find(request)

    def _remove(self, request: Any) -> Answer:
        del self._queues[self._queue(request).name]
        return "{}"

    def _find(self, request: Any) -> Answer:
        queue = self._queue({"QueueUrl": request["QueueName"]})
        return json.dumps({"QueueUrl": self._url(queue)})

    def _list(self, request: Any) -> Answer:
        prefix = request.get("QueueNamePrefix") or ""
        found = [self._url(q) for name, q in self._queues.items() if name.startswith(prefix)]
        return json.dumps({"QueueUrls": found})

    def _attributes(self, request: Any) -> Answer:
        queue = self._queue(request)
        visible, held, delayed = queue.depth(time.monotonic())
        return json.dumps(
            {
                "Attributes": {
                    "ApproximateNumberOfMessages": str(visible),
                    "ApproximateNumberOfMessagesNotVisible": str(held),
                    "ApproximateNumberOfMessagesDelayed": str(delayed),
                    "VisibilityTimeout": str(int(queue.visibility)),
                    "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{queue.name}",
                }
            }
        )

    def _purge(self, request: Any) -> Answer:
        self._queue(request).purge()
        return "{}"

    def _release(self, request: Any) -> Answer:
        queue = self._queue(request)
        count = queue.release()
        self._polls.look(queue)
        return json.dumps({"Messages": count})

    def _repeat(self, request: Any) -> Answer:
        queue = self._queue(request)
        count = queue.make_endless()
        self._polls.look(queue)
        return json.dumps({"Messages": count})

    def _set_latency(self, request: Any) -> Answer:
        self.latency = float(request["Seconds"])
        return "{}"

    def _statistics(self, request: Any) -> Answer:
        queue = self._queue(request)
        visible, held, delayed = queue.depth(time.monotonic())
        return json.dumps(
            {
                "at": time.monotonic(),
                "cpu": time.process_time(),
                "sent": queue.sent,
                "received": queue.received,
                "deleted": queue.deleted,
                "visible": visible,
                "held": held,
                "delayed": delayed,
                "polls": self._polls.waiting(queue),
                "requests": dict(self._requests),
            }
        )

    def _put_secret(self, request: Any) -> Answer:
        self._secrets[request["Name"]] = request["Value"]
        return "{}"

    def _secret(self, request: Any) -> Answer:
        """Of Secrets Manager, for consumers that keep a ledger."""
        value = self._secrets.get(request["SecretId"])
        if value is None:
            raise Refused("ResourceNotFoundException")
        return json.dumps({"Name": request["SecretId"], "SecretString": value})

    def _queue(self, request: Any) -> Queue:
        queue = self._queues.get(str(request.get("QueueUrl")).rpartition("/")[2])
        if queue is None:
            raise Refused("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
        return queue

    def _url(self, queue: Queue) -> str:
        return f"{self.url}/000000000000/{queue.name}"


def _outcomes(request: Any, done: Callable[[Any], bool]) -> Answer:
    accepted: list[str] = []
    refused: list[str] = []
    for entry in request["Entries"]:
        name = json.dumps(entry["Id"])
        if done(entry):
            accepted.append(f'{{"Id":{name}}}')
        else:
            refused.append(f'{{"Id":{name},"Code":"ReceiptHandleIsInvalid","SenderFault":true}}')
    return f'{{"Successful":[{",".join(accepted)}],"Failed":[{",".join(refused)}]}}'
