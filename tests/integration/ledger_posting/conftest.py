"""Books in a database of the test's own, and desks at them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from local.emulator import CREDENTIAL, REGION
from tests.support.bookkeeping import Desk, MemoryS3, csv_file, opened_books, tables_at
from tests.support.emulator import EmulatedCloud

#: `upload(key, lines)`: a file of these lines.
Upload = Callable[[str, list[str]], dict[str, str]]


@pytest.fixture
def books_url(database_url: str) -> str:
    """A database with the agent's tables."""
    return opened_books(database_url)


@pytest.fixture
def open_desk(books_url: str) -> Iterator[Callable[..., Desk]]:
    """Another worker at the same books each time; `s3` and `states` may be another desk's."""
    with ExitStack() as stack:

        def make(**fields: Any) -> Desk:
            tables, close = tables_at(books_url)
            stack.callback(close)
            return Desk(**{"url": books_url, "database": tables, "s3": MemoryS3(), **fields})

        yield make


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    """The only worker."""
    return open_desk()


@pytest.fixture
def environ(emulator: EmulatedCloud) -> dict[str, str]:
    """What a worker is told: where AWS is."""
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_ACCESS_KEY_ID": CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        "AWS_DEFAULT_REGION": REGION,
    }


@pytest.fixture
def upload(emulator: EmulatedCloud) -> Upload:
    """Uploads to a bucket with versions; the params of the file's job."""
    name, s3 = f"uploads-{uuid.uuid4().hex[:12]}", emulator.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def put(key: str, lines: list[str]) -> dict[str, str]:
        written = s3.put_object(Bucket=name, Key=key, Body=csv_file(lines).encode())
        return {"bucket": name, "key": key, "version_id": written["VersionId"]}

    return put
