"""The dispatcher asks agents that run elsewhere whether they are well (M3): real servers, real Postgres."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from muster.dispatcher.duties import Duties
from muster.dispatcher.endpoints import Endpoints
from muster.dispatcher.tick import Tick, TickReport
from muster.outbound import Outbound
from muster.store.connection import Database
from muster.store.ledger import Ledger
from tests.support.clerk import database_of, query
from tests.support.kept_port import kept_port
from tests.support.queues import MemoryQueues
from tests.support.telling import MemoryLog, MemoryMetrics
from tests.support.timepiece import Timepiece
from tests.support.waiting import wait_until
from tests.support.web import ELSEWHERE, HERE, Conversation, answer, by_path, redirect, site

Found = dict[str, tuple[bool | None, str | None]]

#: For those that answer on a slow machine, and for those that never do, once they were asked.
LONG, SHORT = timedelta(seconds=30), timedelta(seconds=5)


class Fleet:
    """Agents behind endpoints, and the dispatcher that asks them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = database_of(url)

    def register(self, agent_id: str, url: str, **columns: Any) -> None:
        """By plain SQL: the endpoint, and what else is said."""
        given = {"endpoint": json.dumps({"type": "http", "url": url}), **columns}
        query(
            self.url,
            f"INSERT INTO agent_registry (agent_id, {', '.join(given)})"
            f" VALUES (%s{', %s' * len(given)})",
            agent_id,
            *given.values(),
        )

    def ask(
        self,
        *ports: int,
        external: bool = True,
        addresses: tuple[str, ...] = (HERE,),
        patience: timedelta = LONG,
    ) -> int:
        """A page of questions, of a stage that lets strangers be called, and loopback at these ports."""
        return self.duty(*ports, external=external, addresses=addresses, patience=patience).page()

    def duty(
        self,
        *ports: int,
        database: Database | None = None,
        patience: timedelta = LONG,
        **who: Any,
    ) -> Endpoints:
        """The duty of a dispatcher, with time for whoever is going to answer."""
        outbound = Outbound(ports=ports, **{"addresses": (HERE,), **who})
        return Endpoints(
            database=database or self.database,
            outbound=outbound,
            connections=16,
            patience=patience,
        )

    def pass_time(self, seconds: int) -> None:
        """Let time pass since the last questions."""
        query(
            self.url,
            "UPDATE agent_endpoint_health SET asked_at = asked_at - make_interval(secs => %s),"
            " checked_at = checked_at - make_interval(secs => %s)",
            seconds,
            seconds,
        )

    def found(self) -> Found:
        """What is known now."""
        rows = query(self.url, "SELECT agent_id, healthy, reason FROM agent_endpoint_now_v1")
        return {row["agent_id"]: (row["healthy"], row["reason"]) for row in rows}


@pytest.fixture
def fleet(database_url: str) -> Iterator[Fleet]:
    made = Fleet(database_url)
    with closing(made.database):
        yield made


def _hang(conversation: Conversation) -> None:
    conversation.wait()


def test_each_endpoint_is_known_for_what_it_answers(fleet: Fleet):
    # Given services that are well, fail, hang, drip, lead elsewhere or call themselves ill, and one gone
    services = {
        "well": answer(b'{"status": "healthy"}'),
        "fails": answer(status="500 Oops"),
        "moved": redirect("/well/health"),
        "inwards": redirect(f"http://{ELSEWHERE}/health"),
        "ill": answer(b'{"status": "unhealthy", "checks": {"database": "error"}}'),
        "silent": answer(status="404 Not Found"),
    }
    endless = {
        "hangs": _hang,
        "drips": lambda conversation: conversation.drip(b"HTTP/1.1 200 OK\r\n"),
    }
    with site(by_path(**services, **endless)) as server, kept_port() as gone:
        for name in services:
            fleet.register(name, f"http://{HERE}:{server.port}/{name}/execute")
        fleet.register("gone", f"http://{HERE}:{gone}/execute")
        fleet.register("private", f"http://{ELSEWHERE}/execute")
        fleet.register("metadata", "http://169.254.169.254/latest")
        fleet.register("nonsense", "http://[")
        # When they are asked
        assert fleet.ask(server.port, gone) == len(services) + 4
        # And those that come to no end, once the others are known
        for name in endless:
            fleet.register(name, f"http://{HERE}:{server.port}/{name}/execute")
        assert fleet.ask(server.port, gone, patience=SHORT) == len(endless)
        asked = {received.line: received.headers for received in server.received}
    # Then each is known for what it is
    assert fleet.found() == {
        "well": (True, None),
        "fails": (False, "http_500"),
        "hangs": (False, "timed_out"),
        "drips": (False, "timed_out"),
        "moved": (True, None),
        "inwards": (False, "special_address"),
        "ill": (False, "says_unhealthy"),
        "silent": (True, None),
        "gone": (False, "connect_failed"),
        "private": (False, "special_address"),
        "metadata": (False, "metadata_address"),
        "nonsense": (False, "bad_host"),
    }
    # And each was asked for `health` beside its endpoint, without any credential
    assert set(asked) == {f"GET /{name}/health HTTP/1.1" for name in (*services, *endless)}
    assert not any("authorization" in headers for headers in asked.values())


@pytest.mark.parametrize("said", ["/ready?deep=1", "http://127.0.0.1:{port}/ready?deep=1"])
def test_an_agent_says_itself_what_to_ask_and_then_it_must_be_2xx(fleet: Fleet, said: str):
    with site(answer(status="404 Not Found")) as server:
        check = {"endpoint": said.format(port=server.port)}
        url = f"http://{HERE}:{server.port}/execute"
        fleet.register("digest", url, health_check=json.dumps(check))
        fleet.ask(server.port)
        assert [r.line for r in server.received] == ["GET /ready?deep=1 HTTP/1.1"]
    assert fleet.found() == {"digest": (False, "http_404")}


def test_a_question_is_asked_again_within_the_minute_and_its_answer_counts_for_three(fleet: Fleet):
    # Given an endpoint that failed, and an agent that wishes to be asked every ten minutes
    with site(answer(status="503 Busy")) as server:
        url = f"http://{HERE}:{server.port}/execute"
        fleet.register("digest", url)
        slow = json.dumps({"endpoint": "/health", "interval": 600})
        fleet.register("slow", url, health_check=slow)
        assert fleet.ask(server.port) == 2
        # When ticks follow at once, and a minute later
        assert fleet.ask(server.port) == 0
        fleet.pass_time(46)
        assert fleet.ask(server.port) == 1
    # Then the ledger forgets what is three intervals old: nobody knows better than that
    assert fleet.found()["digest"] == (False, "http_503")
    fleet.pass_time(181)
    assert set(fleet.found()) == {"slow"}


def test_another_endpoint_is_asked_at_once_and_nothing_is_known_of_it_before(fleet: Fleet):
    with site(answer(status="500 Oops")) as old, site(answer()) as new:
        fleet.register("digest", f"http://{HERE}:{old.port}/execute")
        fleet.ask(old.port, new.port)
        moved = json.dumps({"type": "http", "url": f"http://{HERE}:{new.port}/execute"})
        query(fleet.url, "UPDATE agent_registry SET endpoint = %s", moved)
        assert fleet.found() == {}
        assert fleet.ask(old.port, new.port) == 1
    assert fleet.found() == {"digest": (True, None)}


def test_whom_the_stage_lets_nobody_call_is_not_asked_and_not_called_ill(fleet: Fleet):
    with site(answer()) as server:
        fleet.register("inside", f"http://{HERE}:{server.port}/execute")
        fleet.register("outside", "https://agent.example/execute")
        fleet.ask(server.port, external=False, addresses=())
        assert server.accepted == []
    assert fleet.found() == {
        "inside": (None, "special_address"),
        "outside": (None, "external_requests_off"),
    }


@pytest.mark.parametrize(
    "columns",
    [
        {"active": False},
        {"enabled": False},
        {"endpoint": '{"type": "sqs", "queues": {"normal": "http://q"}}'},
        {"endpoint": '{"url": null}'},
    ],
    ids=["retired", "disabled", "queue", "null"],
)
def test_who_takes_no_calls_is_not_asked(fleet: Fleet, columns: dict[str, Any]):
    fleet.register("digest", "http://127.0.0.1:1/execute", **columns)
    assert fleet.ask(1) == 0


@pytest.mark.parametrize("interval", ['"soon"', "-5", "1e300", "null", "[]"])
def test_no_health_check_that_somebody_wrote_by_hand_stops_the_others(fleet: Fleet, interval: str):
    with site(answer()) as server:
        for name, check in (("odd", f'{{"endpoint": 7, "interval": {interval}}}'), ("fine", None)):
            fleet.register(name, f"http://{HERE}:{server.port}/execute", health_check=check)
        assert fleet.ask(server.port) == 2
    assert fleet.found() == {"odd": (True, None), "fine": (True, None)}


def test_two_dispatchers_at_once_ask_each_endpoint_once(fleet: Fleet):
    # Given two dispatchers, and endpoints that answer when both have begun
    names = [f"agent-{n}" for n in range(12)]
    other = database_of(fleet.url)
    with site(answer()) as server, closing(other):
        for name in names:
            fleet.register(name, f"http://{HERE}:{server.port}/{name}/execute")
        both = [fleet.duty(server.port), fleet.duty(server.port, database=other)]
        start, taken = threading.Barrier(2, timeout=300), [0, 0]

        def tick(number: int) -> None:
            start.wait()
            while count := both[number].page():
                taken[number] += count

        # When both look at the same moment
        threads = [threading.Thread(target=tick, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        # Then every endpoint was asked once, by one of them
        assert sum(taken) == len(names)
        assert sorted(r.line for r in server.received) == sorted(
            f"GET /{name}/health HTTP/1.1" for name in names
        )
    assert fleet.found() == dict.fromkeys(names, (True, None))


def test_a_tick_asks_last_of_all_and_what_it_has_no_time_for_is_the_next_ones(fleet: Fleet):
    with site(answer()) as server:
        fleet.register("digest", f"http://{HERE}:{server.port}/execute")
        # Given a tick whose time is up, then one with time
        assert _tick(fleet, server.port, seconds=0).unfinished
        assert server.received == []
        report = _tick(fleet, server.port, seconds=300)
        # Then the second has asked, after everything else
        wait_until(lambda: [asked.line for asked in server.received] == ["GET /health HTTP/1.1"])
    assert (report.failed, list(report.done)[-1], report.done["endpoints"]) == ((), "endpoints", 1)
    assert set(fleet.found()) == {"digest"}


def _tick(fleet: Fleet, port: int, *, seconds: int) -> TickReport:
    clock, log, metrics = Timepiece(), MemoryLog().logger, MemoryMetrics()
    duties = Duties(
        database=fleet.database,
        ledger=Ledger(fleet.database),
        queues=MemoryQueues(clock=clock),
        metrics=lambda _, lane=None: metrics.of_lane(lane),  # pyright: ignore[reportArgumentType] - the fake has what is used
        outbound=Outbound(addresses=(HERE,), ports=(port,)),
    )
    return Tick(
        database=fleet.database, duties=duties.all(), holder="one", clock=clock, log=log
    ).run(time_left=timedelta(seconds=seconds))
