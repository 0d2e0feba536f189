"""A job of a caller that a process knows: one round trip to the database, each refusal as it ever was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import psycopg2
import pytest

from muster.keys.access import Role, Scope
from muster.store.call_rate import Rate
from muster.store.connection import Database, Row
from muster.store.settings import DatabaseSettings
from muster.store.statements import Statement
from tests.support.api_calls import AGENT, QUEUE, URGENT, Api, Reply
from tests.support.proxy import FaultProxy
from tests.support.queues import MemoryQueues
from tests.support.waiting import wait_until

BODY = {"agent_id": AGENT, "params": {"n": 1}}
PLENTY = Rate(per_second=1000, burst=1000)


class Noting(Database):
    """A connection that notes which statements were run."""

    def __init__(self, url: str, **options: float) -> None:
        settings = DatabaseSettings.from_url(url)
        super().__init__(lambda _refresh: settings, **options)
        self.names: list[str] = []

    def run(
        self,
        statement: Statement,
        parameters: Mapping[str, Any] | None = None,
        *,
        meanwhile: Callable[[], object] | None = None,
    ) -> list[Row]:
        self.names.append(statement.name)
        return super().run(statement, parameters, meanwhile=meanwhile)

    def taken(self) -> list[str]:
        """The names since the last look."""
        names, self.names = self.names, []
        return names


def _post(api: Api, body: Mapping[str, Any] = BODY, **more: Any) -> Reply:
    return api.call("POST", "/jobs", body=body, **more)


def _warm(
    api: Api, url: str, *, key: str = "", rate: Rate = PLENTY, **options: float
) -> tuple[Api, Noting]:
    """Another process, which knows key and agent: of the first call the key's use was noted."""
    database = Noting(url, **options)
    process = Api(url=api.url, database=database, queues=api.queues, key=key or api.key, rate=rate)
    for _ in range(2):
        assert _post(process).status == 202
    database.taken()
    return process, database


@pytest.fixture
def warm(api: Api) -> Iterator[tuple[Api, Noting]]:
    process, database = _warm(api, api.url)
    yield process, database
    database.close()


def _written(api: Api) -> list[dict[str, Any]]:
    return api.query(
        "SELECT (SELECT count(*) FROM agent_job_execution) AS jobs, (SELECT count(*) FROM job_key) AS keys,"
        " (SELECT count(*) FROM execution_event) AS events,"
        " (SELECT array_agg(ready_at) FROM call_rate) AS rate"
    )


def test_a_known_callers_job_takes_one_round_trip_and_is_what_it_was_before(
    api: Api, warm: tuple[Api, Noting]
):
    # Given the same job asked for by a process that knows nobody, and by one that knows all
    process, database = warm
    body = {**BODY, "priority": "critical", "config": {"most": 1.50}, "params": {"n": 7, "é": None}}
    headers = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    cold = _post(api, {**body, "job_id": "cold"}, headers=headers)
    known = _post(process, {**body, "job_id": "known"}, headers=headers)
    # Then the second asked the database once
    assert database.taken() == ["submit_job_at_once"]
    # And both answers, rows, events and messages are alike but for the ids and times
    assert (known.status, set(known.headers)) == (202, set(cold.headers))
    assert _alike(known.json) == _alike(cold.json)
    rows = [
        api.query("SELECT * FROM agent_job_execution WHERE job_id = %s", job_id)[0]
        for job_id in ("cold", "known")
    ]
    assert _alike(rows[0]) == _alike(rows[1])
    assert rows[1]["relay_after"] - rows[1]["created_at"] == timedelta(seconds=90)
    assert known.json["execution_id"] == rows[1]["execution_id"]
    events = api.query(
        "SELECT kind, to_status, fence, attempt FROM execution_event WHERE execution_id = %s",
        rows[1]["execution_id"],
    )
    assert events == [{"kind": "created", "to_status": "pending", "fence": 0, "attempt": 0}]
    assert isinstance(api.queues, MemoryQueues)
    sent = [json.loads(message.body) for message in api.queues.stored[URGENT]]
    assert [message["job_id"] for message in sent] == ["cold", "known"]
    assert _alike(sent[0]) == _alike(sent[1])


def _alike(row: Mapping[str, Any]) -> dict[str, Any]:
    """All but what names a job, and its times."""
    own = {"execution_id", "job_id", "created_at"}
    return {k: v for k, v in row.items() if k not in own and not isinstance(v, datetime)}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("UPDATE api_key SET active = false", 401),
        ("UPDATE api_key SET expires_at = now() - interval '1 second'", 401),
        ("UPDATE api_key SET digest = sha256('another')", 401),
        ("DELETE FROM api_key", 401),
        ("UPDATE api_key SET role = 'viewer'", 403),
        ("UPDATE api_key SET scopes = '{jobs:read}'", 403),
        ("UPDATE api_key SET tenant = 'other'; UPDATE agent_registry SET tenant = 'default2'", 404),
        ("UPDATE agent_registry SET tenant = 'other'", 404),
        ("UPDATE agent_registry SET enabled = false", 409),
        ('UPDATE agent_registry SET input_schema = \'{"required": ["m"]}\'', 422),
    ],
)
def test_what_changed_since_is_refused_as_ever_and_records_nothing(
    api: Api, warm: tuple[Api, Noting], change: str, status: int
):
    # Given a process that took a job of this caller a moment ago
    process, _ = warm
    # When key or agent change, and it is asked again
    before = _written(api)
    api.query(f"{change} RETURNING 1")
    reply = _post(process)
    # Then the answer is the one of a process that knows nobody
    assert reply.status == status
    assert reply.json == _post(api).json
    # And nothing is recorded; whoever is nobody has counted nothing either
    after = _written(api)
    assert [(row["jobs"], row["keys"], row["events"]) for row in after] == [
        (row["jobs"], row["keys"], row["events"]) for row in before
    ]
    assert status != 401 or after == before


def test_a_key_whose_use_is_to_be_noted_is_noted(api: Api, warm: tuple[Api, Noting]):
    process, database = warm
    api.query("UPDATE api_key SET last_used_at = now() - interval '6 minutes' RETURNING 1")
    assert _post(process).status == 202
    assert "note_use" in database.taken()
    [row] = api.query("SELECT now() - last_used_at < interval '1 minute' AS noted FROM api_key")
    assert row["noted"]


@pytest.mark.parametrize(
    "body",
    [
        {"agent_id": AGENT, "params": {"n": "text"}},
        {"agent_id": AGENT, "unknown": 1},
        {"agent_id": "nobody"},
        {"agent_id": AGENT, "job_id": "another than the header says"},
    ],
)
def test_a_call_is_counted_once_whatever_comes_of_it(
    api: Api, warm: tuple[Api, Noting], body: dict[str, Any]
):
    # Given a rest in which everything counted so far was paid for, at a call in a hundred seconds
    slow = Rate(per_second=0.01, burst=100)
    process, database = _warm(api, api.url, rate=slow)
    api.query("UPDATE call_rate SET ready_at = now() - interval '1 hour' RETURNING 1")
    # When a call is refused for what it says
    assert _post(process, body, headers={"idempotency-key": "h"}).status in {404, 422}
    # Then it is one call ahead
    [row] = api.query("SELECT extract(epoch FROM ready_at - now())::float8 AS ahead FROM call_rate")
    assert 0 < row["ahead"] <= 100
    database.close()


def test_a_rate_holds_over_processes_that_know_the_caller(api: Api):
    # Given two processes that know a key, which may call four times at once
    rate = Rate(per_second=0.01, burst=4)
    key = api.new_key()
    pairs = [_warm(api, api.url, key=key, rate=rate) for _ in range(2)]
    processes = [process for process, _ in pairs]
    api.query("UPDATE call_rate SET ready_at = now() - interval '1 hour' RETURNING 1")
    before = _written(api)[0]["jobs"]
    # When it asks both for jobs, in turn
    replies = [_post(processes[n % 2]) for n in range(6)]
    # Then the fifth and the sixth are refused with the time to wait, and recorded nowhere
    assert [reply.status for reply in replies] == [202] * 4 + [429] * 2
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 100
    assert _written(api)[0]["jobs"] == before + 4
    for _, database in pairs:
        database.close()


def test_the_same_job_again_is_the_same_job(warm: tuple[Api, Noting]):
    process, _ = warm
    first = _post(process, {**BODY, "job_id": "one"})
    again = _post(process, {**BODY, "job_id": "one"})
    assert (first.status, again.status, again.json) == (202, 200, first.json)
    other = _post(process, {**BODY, "params": {"n": 2}, "job_id": "one"})
    assert (other.status, other.json["code"]) == (409, "job_exists")


def test_a_reply_of_the_database_that_is_lost_is_one_job_and_one_message(api: Api):
    """The statement runs twice: the second time it finds the job of the first."""
    with FaultProxy(api.url) as proxy:
        process, database = _warm(api, proxy.url)
        proxy.cut_reply_to("muster_submit_job_v1")
        reply = _post(process, {**BODY, "job_id": "lost"})
        assert (reply.status, proxy.cuts) == (202, 1)
        database.close()
    [row] = api.query("SELECT execution_id FROM agent_job_execution WHERE job_id = 'lost'")
    assert row["execution_id"] == reply.json["execution_id"]
    assert isinstance(api.queues, MemoryQueues)
    bodies = [json.loads(message.body) for message in api.queues.stored[QUEUE]]
    assert [body["job_id"] for body in bodies].count("lost") == 1


def test_who_waits_for_a_record_keeps_no_other_call_of_its_key_waiting(api: Api):
    # Given a process that waits for longer than another one does
    process, patient = _warm(api, api.url, call_seconds=120, retry_seconds=120)
    other, database = _warm(api, api.url, call_seconds=10, retry_seconds=10)
    # And somebody who is about to record a job, and has not committed
    with closing(psycopg2.connect(api.url)) as blocker, ThreadPoolExecutor(1) as pool:
        blocker.cursor().execute(
            "INSERT INTO job_key (agent_id, job_id, execution_id, created_at)"
            " VALUES (%s, 'held', gen_random_uuid(), now())",
            (AGENT,),
        )
        # When the first has to wait for that, and the other is called with the same key
        waiting = pool.submit(_post, process, {**BODY, "job_id": "held"})
        wait_until(lambda: _somebody_waits(api))
        reply = _post(other, {**BODY, "job_id": "free"})
        # Then the second is answered, though the first is not
        assert (reply.status, waiting.done()) == (202, False)
        assert database.taken() == ["submit_job_at_once"]
        blocker.rollback()
        assert waiting.result(30).status == 202
    patient.close()
    database.close()


def _somebody_waits(api: Api) -> bool:
    waiting = (
        "SELECT 1 AS x FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return bool(api.query(waiting))


def test_a_narrowed_key_is_told_so_by_a_process_that_knows_it(api: Api):
    process, database = _warm(api, api.url)
    key = api.new_key(Role.ADMIN, scopes=[Scope.JOBS_READ])
    for _ in range(2):
        assert _post(process, key=key).status == 403
    assert "submit_job_at_once" not in database.taken()
    database.close()
