"""Feeds on loopback, their readers, and an agent that collects them on a real database."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from muster import Job
from muster.database import JobDatabase
from muster.outbound import Outbound
from muster.store.connection import Database
from muster.store.migrate import migrate
from muster.store.migration import agent_migrations
from muster.store.opening import open_tables
from tests.support.web import HERE, Conversation, answer

FOLDER = Path(__file__).parents[2] / "lambdas" / "agents" / "feed-collector"


def migrate_feeds(url: str) -> None:
    """Give a database the agent's tables."""
    with closing(psycopg2.connect(url)) as connection:
        migrate(connection, agents=agent_migrations([FOLDER]))


def tables(database: Database) -> JobDatabase:
    """The agent's statements."""
    return open_tables(database, agent_id="feed-collector", folder=FOLDER)


def rss(*ids: str) -> bytes:
    """A feed with these items."""
    items = "".join(
        f'<item><guid isPermaLink="false">{id_}</guid><title>T {id_}</title></item>' for id_ in ids
    )
    return f'<rss version="2.0"><channel><title>News</title>{items}</channel></rss>'.encode()


class Publisher:
    """A script for a site: feeds by path, with ETags, and `/told` for notifications."""

    def __init__(self) -> None:
        self.feeds: dict[str, list[str]] = {}
        #: Status of the answer to a notification.
        self.status = "204 No Content"
        #: Called when a notification has come, before it is answered.
        self.before_answer: Callable[[], None] = lambda: None
        #: Idempotency keys and bodies, in the order in which they came.
        self.told: list[tuple[str, dict[str, Any]]] = []
        #: Paths that were answered with 304.
        self.unchanged: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, conversation: Conversation) -> None:
        request = conversation.request
        path = request.line.split(" ")[1].strip("/")
        if path == "told":
            with self._lock:
                self.told.append((request.headers["idempotency-key"], json.loads(request.body)))
            self.before_answer()
            answer(status=self.status)(conversation)
            return
        if path not in self.feeds:
            answer(status="404 Not Found")(conversation)
            return
        etag = f'"{"-".join(self.feeds[path])}"'
        if request.headers.get("if-none-match") == etag:
            self.unchanged.append(path)
            answer(status="304 Not Modified", length=False)(conversation)
            return
        answer(rss(*self.feeds[path]), headers=(f"ETag: {etag}",))(conversation)

    def ids_told(self) -> list[list[str]]:
        """The items of each notification."""
        return [sorted(item["id"] for item in body["items"]) for _, body in self.told]


def job_of(database: JobDatabase, *, ports: tuple[int, ...], **params: Any) -> Job:
    """A job of the agent that may call this machine."""
    return Job(
        id="job-1",
        params=params,
        config={"max_items": 50},
        database=database,
        outbound=Outbound(addresses=(HERE,), ports=ports),
    )
