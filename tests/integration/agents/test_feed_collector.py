"""`feed-collector` with real tables, and feeds on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from muster import Job, MusterError, PermanentError, RetryableError, RetryLater
from muster.agent_loader import load_agent
from tests.support.clerk import database_of, query
from tests.support.feeds import FOLDER, Publisher, job_of, migrate_feeds, tables
from tests.support.web import HERE, Site, answer, site

collect = load_agent(FOLDER)

#: Runs a job with these params.
Collect = Callable[..., dict[str, Any]]


@pytest.fixture
def feeds_url(database_url: str) -> str:
    migrate_feeds(database_url)
    return database_url


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def served(publisher: Publisher) -> Iterator[Site]:
    with site(publisher) as served:
        yield served


@pytest.fixture
def make_job(feeds_url: str, served: Site) -> Iterator[Callable[..., Job]]:
    """A job whose params name paths of the site."""
    with closing(database_of(feeds_url)) as database:

        def make(**params: Any) -> Job:
            return job_of(tables(database), ports=(served.port,), **_urls(served, params))

        yield make


@pytest.fixture
def run(make_job: Callable[..., Job]) -> Collect:
    return lambda **params: collect(make_job(**params))


def _urls(served: Site, params: dict[str, Any]) -> dict[str, Any]:
    def full(path: str) -> str:
        return f"http://{HERE}:{served.port}/{path}"

    return {
        key: [full(path) for path in value] if isinstance(value, list) else full(value)
        for key, value in params.items()
    }


def items(url: str) -> list[str]:
    found = query(url, "SELECT item_id FROM agent_feed_collector.item ORDER BY item_id")
    return [row["item_id"] for row in found]


def test_what_is_new_is_stored_once(publisher: Publisher, run: Collect, feeds_url: str):
    # Given a feed that is read, unchanged, and then has one more
    publisher.feeds["a"] = ["1", "2"]
    first, same = run(url="a"), run(url="a")
    publisher.feeds["a"] = ["3", "2", "1"]
    more = run(url="a")
    # Then each item is stored once, and an unchanged feed is not even sent
    assert (first["new"], same["new"], more["new"]) == (2, 0, 1)
    assert (same["unchanged"], publisher.unchanged) == (1, ["a"])
    assert items(feeds_url) == ["1", "2", "3"]


def test_tenants_do_not_share_what_they_know(
    publisher: Publisher, make_job: Callable[..., Job], feeds_url: str
):
    publisher.feeds["a"] = ["1"]
    for tenant in ("one", "two"):
        assert collect(replace(make_job(url="a"), tenant=tenant))["new"] == 1
    assert items(feeds_url) == ["1", "1"]


def test_workers_that_read_one_feed_at_once_store_each_item_once(
    publisher: Publisher, served: Site, feeds_url: str
):
    # Given six workers with connections of their own, and a feed of thirty items
    publisher.feeds["a"] = [str(n) for n in range(30)]
    results: list[dict[str, Any]] = []

    def work() -> None:
        with closing(database_of(feeds_url)) as database:
            wanted = {"url": "a", "notify_url": "told"}
            job = job_of(tables(database), ports=(served.port,), **_urls(served, wanted))
            try:
                results.append(collect(job))
            except RetryLater:
                results.append({"new": 0})  # another one is telling

    # When they read it at once
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    # Then each item is there once, was new to one of them, and was told once
    assert len(results) == 6
    assert len(items(feeds_url)) == 30
    assert len({key for key, _ in publisher.told}) == len(publisher.told)
    told = [id_ for ids in publisher.ids_told() for id_ in ids]
    assert len(told) == len(set(told)) == 30


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("404 Not Found", PermanentError, "feed_status"),
        ("500 Oops", RetryableError, "feed_busy"),
        ("200 OK", PermanentError, "not_a_feed"),
    ],
)
def test_a_single_feed_that_cannot_be_read_fails_its_job(
    feeds_url: str, status: str, kind: type[MusterError], code: str
):
    with (
        site(answer(b"hello", status=status)) as broken,
        closing(database_of(feeds_url)) as database,
    ):
        job = job_of(
            tables(database), ports=(broken.port,), url=f"http://{HERE}:{broken.port}/feed"
        )
        with pytest.raises(kind) as caught:
            collect(job)
    assert caught.value.code == code


def test_a_busy_server_is_asked_again_when_it_says(feeds_url: str):
    script = answer(status="429 Too Many Requests", headers=("Retry-After: 90",))
    with site(script) as busy, closing(database_of(feeds_url)) as database:
        job = job_of(tables(database), ports=(busy.port,), url=f"http://{HERE}:{busy.port}/")
        with pytest.raises(RetryLater) as caught:
            collect(job)
    assert (caught.value.after, caught.value.snooze) == (timedelta(seconds=90), False)


def test_a_feed_that_may_not_be_called_fails_with_its_verdict(
    make_job: Callable[..., Job], publisher: Publisher
):
    job = replace(make_job(url="a"), params={"url": "http://169.254.169.254/"})
    with pytest.raises(MusterError) as caught:
        collect(job)
    assert caught.value.code == "metadata_address"


def test_of_many_feeds_those_that_cannot_be_read_are_named(publisher: Publisher, run: Collect):
    publisher.feeds |= {"a": ["1"], "b": ["2"]}
    result = run(urls=["a", "gone", "b", "a"])
    assert (result["feeds"], result["new"]) == (3, 2)
    assert [(f["url"].rsplit("/")[-1], f["code"]) for f in result["failed"]] == [
        ("gone", "feed_status")
    ]


def test_when_no_feed_can_be_read_the_job_is_tried_again(run: Collect):
    with pytest.raises(RetryableError) as caught:
        run(urls=["gone", "too"])
    assert caught.value.code == "feeds_unreadable"


def test_a_job_that_runs_out_of_time_goes_on_where_it_was(
    publisher: Publisher, make_job: Callable[..., Job], feeds_url: str
):
    # Given fifty feeds, and a job that has hardly any time
    names = [f"feed-{n}" for n in range(50)]
    publisher.feeds |= {name: [name] for name in names}
    states: list[Any] = [None]
    job = replace(make_job(urls=names), save=states.append)
    # When it is given one attempt after the other
    for _ in range(3):
        with pytest.raises(RetryLater) as caught:
            collect(replace(job, state=states[-1], deadline=_in(seconds=59)))
        assert caught.value.snooze
    result = collect(replace(job, state=states[-1], deadline=_in(seconds=59)))
    # Then each went on, and all was read once
    assert (result["feeds"], result["new"]) == (50, 50)
    assert len(items(feeds_url)) == 50


def test_a_slow_feed_costs_its_neighbours_no_second_reading(
    publisher: Publisher, make_job: Callable[..., Job]
):
    # Given feeds of which the first takes nearly all the time that there is
    publisher.feeds |= {name: [name] for name in "abc"}
    states: list[Any] = [None]
    job = replace(make_job(urls=list("abc")), save=states.append)
    # When the job makes room / Then it has kept what it has read so far
    with pytest.raises(RetryLater):
        collect(replace(job, deadline=_in(seconds=35)))
    assert states[-1]["done"] == 1


def _in(*, seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
