"""Books in a database of the test's own, and desks at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.bookkeeping import Desk, MemoryS3, opened_books, tables_at


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
