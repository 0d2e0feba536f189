"""Five hundred feeds by schedule, through dispatcher, queue, worker and ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muster import Job
from muster.agent_loader import load_agent
from muster.outbound import Outbound
from tests.support.clerk import database_of, query
from tests.support.feeds import FOLDER, Publisher, migrate_feeds, tables
from tests.support.invariants import history_holds
from tests.support.schedules import Timetable, seldom
from tests.support.web import HERE, Site, site
from tests.support.worker import Workshop

FEEDS = 500

collect = load_agent(FOLDER)


@pytest.fixture
def served() -> Iterator[Site]:
    """Five hundred feeds of three items each."""
    publisher = Publisher()
    publisher.feeds = {f"feed-{n}": [f"{n}-{k}" for k in range(3)] for n in range(FEEDS)}
    with site(publisher) as served:
        yield served


@pytest.fixture
def timetable(database_url: str, served: Site) -> Iterator[Timetable]:
    """The schedules of the agent, whose worker has its tables and may call the site."""
    migrate_feeds(database_url)
    with closing(database_of(database_url)) as own:

        def behaviour(job: Job) -> Any:
            return collect(
                replace(
                    job,
                    config={"max_items": 50},
                    database=tables(own),
                    outbound=Outbound(addresses=(HERE,), ports=(served.port,)),
                )
            )

        shop = Workshop(database_url, behaviour=behaviour, timeout=timedelta(minutes=4))
        yield Timetable(shop)
        shop.close()
    assert history_holds(database_url) == []


def urls(served: Site) -> list[str]:
    return [f"http://{HERE}:{served.port}/feed-{n}" for n in range(FEEDS)]


def items(url: str) -> int:
    [row] = query(url, "SELECT count(*) AS n FROM agent_feed_collector.item")
    return row["n"]


@pytest.mark.slow
def test_one_schedule_of_500_feeds(timetable: Timetable, served: Site, database_url: str):
    # Given one schedule that names five hundred feeds, and is due
    timetable.add(kind="every", expression=seldom(), params={"urls": urls(served)})
    timetable.change("next_at = now()")
    # When the dispatcher ticks and the worker takes the job
    assert timetable.shop.tick().done["fire"] == 1
    timetable.shop.deliver(time_left=timedelta(minutes=5))
    # Then one job has read all of them
    [fire] = timetable.fires()
    assert fire["status"] == "completed", fire["error"]
    assert fire["result"]["feeds"] == FEEDS
    assert fire["result"]["new"] == items(database_url) == 3 * FEEDS
    assert fire["result"]["failed"] == []
    assert fire["metrics"]["itemsProcessed"] == 3 * FEEDS
    # And when it is due again, nothing is stored twice, and no feed is sent again
    timetable.change("next_at = now()")
    timetable.shop.tick()
    timetable.shop.deliver(time_left=timedelta(minutes=5))
    again = timetable.fires()[-1]
    assert (again["result"]["new"], again["result"]["unchanged"]) == (0, FEEDS)
    assert items(database_url) == 3 * FEEDS


@pytest.mark.slow
def test_500_schedules_of_one_feed_each(timetable: Timetable, served: Site, database_url: str):
    # Given a schedule for each of five hundred feeds, all due
    for number, url in enumerate(urls(served)):
        timetable.add(f"feed-{number}", kind="every", expression=seldom(), params={"url": url})
    timetable.shop.clerk.query("UPDATE agent_schedule SET next_at = now()")
    # When the dispatcher ticks and the worker takes what comes
    assert timetable.shop.tick().done["fire"] == FEEDS
    while timetable.shop.lane_jobs():
        timetable.shop.deliver(time_left=timedelta(minutes=14))
    # Then each was read by a job of its own, once
    done = query(
        database_url,
        "SELECT status, attempts, result ->> 'new' AS new, count(DISTINCT schedule) AS n"
        " FROM agent_job_execution GROUP BY 1, 2, 3",
    )
    assert [dict(row) for row in done] == [
        {"status": "completed", "attempts": 1, "new": "3", "n": FEEDS}
    ]
    assert items(database_url) == 3 * FEEDS
