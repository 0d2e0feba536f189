"""How many messages fit one SQS batch call, and which SQS would refuse whatever we try."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from muster.errors import PermanentError
from muster.ports import MAX_DELAY, Outgoing

#: Most entries of one batch call.
MAX_ENTRIES = 10

#: Most bytes of one message, and of all messages of one call: bodies and attributes in UTF-8.
MAX_BYTES = 1024 * 1024

#: Characters that SQS refuses; one of them would fail the whole call, neighbours included.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


_NOW = timedelta(0)


def attributes_of(entry: Outgoing) -> dict[str, Any]:
    """The entry's attributes as the SQS API takes them."""
    return {
        name: {"DataType": "String", "StringValue": _FORBIDDEN.sub("\ufffd", value)}
        for name, value in entry.attributes.items()
        if value
    }


def size_of(entry: Outgoing) -> int:
    """Bytes that SQS counts for the entry."""
    if not entry.attributes and entry.body.isascii():
        return len(entry.body)
    attributes = attributes_of(entry).items()
    texts = [text for name, value in attributes for text in (name, *value.values())]
    return sum(len(text.encode()) for text in (entry.body, *texts))


def refusal(entry: Outgoing) -> PermanentError | None:
    """Why SQS would never take the entry; None when it would.

    Raises:
        ValueError: the delay is out of range.
    """
    if not _NOW <= entry.delay <= MAX_DELAY:
        raise ValueError(f"delay {entry.delay}: SQS delays a message by 0 s to {MAX_DELAY}")
    # The two questions that most bodies pass at once are an order of magnitude quicker than the search.
    plain = entry.body.isascii() and entry.body.isprintable()
    if plain and not entry.attributes and 0 < len(entry.body) <= MAX_BYTES:
        return None
    if not entry.body or (not plain and _FORBIDDEN.search(entry.body)):
        return PermanentError(
            "The body is empty or has characters that SQS refuses. Send JSON with ASCII escapes.",
            code="message_refused",
        )
    size = size_of(entry)
    if size > MAX_BYTES:
        return PermanentError(
            f"The message has {size} bytes, and SQS takes {MAX_BYTES}. Keep the params in the row "
            "or in S3 and send their place.",
            code="message_too_large",
        )
    return None


def chunks(
    entries: Sequence[tuple[int, Outgoing]],
) -> Iterator[list[tuple[int, Outgoing]]]:
    """The entries in order, in lists that each fit one call."""
    chunk: list[tuple[int, Outgoing]] = []
    total = 0
    for index, entry in entries:
        size = size_of(entry)
        if chunk and (len(chunk) == MAX_ENTRIES or total + size > MAX_BYTES):
            yield chunk
            chunk, total = [], 0
        chunk.append((index, entry))
        total += size
    if chunk:
        yield chunk
