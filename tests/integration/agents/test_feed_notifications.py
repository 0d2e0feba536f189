"""That `feed-collector` tells of new items: once, and also after a crash."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from muster import MusterError, PermanentError, RetryLater
from muster.agent_loader import load_agent
from tests.support.clerk import database_of, query
from tests.support.feeds import FOLDER, Publisher, job_of, migrate_feeds, tables
from tests.support.web import HERE, Site, site

collect = load_agent(FOLDER)
ROOT = Path(__file__).parents[3]

#: Another process that reads `/a` and tells `/told`.
READER = """
import sys
from muster.agent_loader import load_agent
from tests.support.clerk import database_of
from tests.support.feeds import FOLDER, job_of, tables
port = int(sys.argv[2])
load_agent(FOLDER)(job_of(tables(database_of(sys.argv[1])), ports=(port,),
    url=f"http://127.0.0.1:{port}/a", notify_url=f"http://127.0.0.1:{port}/told"))
"""


@pytest.fixture
def publisher() -> Publisher:
    publisher = Publisher()
    publisher.feeds["a"] = ["1", "2"]
    return publisher


@pytest.fixture
def served(publisher: Publisher) -> Iterator[Site]:
    with site(publisher) as served:
        yield served


@pytest.fixture
def feeds_url(database_url: str) -> str:
    migrate_feeds(database_url)
    return database_url


@pytest.fixture
def run(feeds_url: str, served: Site) -> Iterator[Callable[[], dict[str, Any]]]:
    """Reads `/a` and tells `/told`."""
    here = f"http://{HERE}:{served.port}"
    with closing(database_of(feeds_url)) as database:
        yield lambda: collect(
            job_of(
                tables(database),
                ports=(served.port,),
                url=f"{here}/a",
                notify_url=f"{here}/told",
            )
        )


def owed(url: str) -> int:
    found = query(
        url, "SELECT 1 AS n FROM agent_feed_collector.notification WHERE notified_at IS NULL"
    )
    return len(found)


def test_new_items_are_told_in_one_post_with_a_key(
    publisher: Publisher, run: Callable[[], dict[str, Any]], feeds_url: str, served: Site
):
    # Given a feed that is read twice without news, and then with news
    assert run()["notifications"] == 1
    assert run()["notifications"] == 0
    publisher.feeds["a"] = ["3", "2", "1"]
    assert run()["notifications"] == 1
    # Then each item was told once, and each time with a key of its own
    assert publisher.ids_told() == [["1", "2"], ["3"]]
    assert len({key for key, _ in publisher.told}) == 2
    assert publisher.told[0][1]["feed"] == f"http://{HERE}:{served.port}/a"
    assert publisher.told[0][1]["title"] == "News"
    assert owed(feeds_url) == 0


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("503 Later", "notify_busy"),
        ("403 No", "notify_refused"),
        ("302 Found", "notify_refused"),
    ],
)
def test_what_was_not_taken_stays_owed_and_is_told_by_the_next_attempt(
    publisher: Publisher,
    run: Callable[[], dict[str, Any]],
    feeds_url: str,
    status: str,
    code: str,
):
    # Given a receiver that does not take it
    publisher.status = status
    with pytest.raises(MusterError) as caught:
        run()
    assert caught.value.code == code
    assert isinstance(caught.value, PermanentError) is (code == "notify_refused")
    assert owed(feeds_url) == 1
    # When it does, and the feed has nothing new
    publisher.status = "200 OK"
    result = run()
    # Then it is told, with the same key and the same items
    assert (result["unchanged"], result["notifications"]) == (1, 1)
    assert publisher.told[0] == publisher.told[1]
    assert owed(feeds_url) == 0


def test_a_process_that_dies_between_storing_and_telling_loses_no_notification(
    publisher: Publisher, run: Callable[[], dict[str, Any]], feeds_url: str, served: Site
):
    # Given a worker that is killed while its notification is under way
    program = [sys.executable, "-c", READER, feeds_url, str(served.port)]
    started = Queue[subprocess.Popen[bytes]]()
    publisher.before_answer = lambda: started.get(timeout=120).kill()
    worker = subprocess.Popen(program, cwd=ROOT)
    started.put(worker)
    worker.wait(timeout=120)
    assert publisher.ids_told() == [["1", "2"]]
    assert owed(feeds_url) == 1
    # When another attempt comes while the dead one could still be telling / Then it waits for it
    publisher.before_answer = lambda: None
    with pytest.raises(RetryLater) as caught:
        run()
    assert caught.value.snooze
    assert 0 < caught.value.after.total_seconds() <= 60
    # And afterwards it tells, so that the receiver knows it for the same
    query(
        feeds_url,
        "UPDATE agent_feed_collector.notification SET held_until = now() RETURNING batch",
    )
    assert run()["notifications"] == 1
    assert publisher.told[0] == publisher.told[1]
    assert owed(feeds_url) == 0
