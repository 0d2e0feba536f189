"""Listeners as real processes, on real Postgres and an SQS endpoint in memory, with faults on demand."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from bench.endpoint.client import Endpoint, running_endpoint
from muster.contracts import ListenerEnvironment
from muster.fleet_settings import FleetSettings
from tests.support.clerk import AGENT, Clerk
from tests.support.invariants import Queued, history_holds, nothing_lost
from tests.support.listener_process import ListenerProcess
from tests.support.logins import WORKER, as_login
from tests.support.sqs_faults import SqsFaults
from tests.support.waiting import wait_until

PROBE = Path(__file__).with_name("probe")
#: Length of a hold where a test is about its end: leases and visibility are renewed after a third of it, and
#: a process that stands still for some seconds meanwhile loses none.
HOLD = 10
#: Of any other: no process stands still for so long.
LONG_HOLD = 120
SECRET = "listener/database"


class Rig:
    """An agent `tester` with lanes and a DLQ, and listeners that serve it.

    Args:
        url: of the database, as the test sees it.
        listener_url: as its listeners see it; None: the same.
    """

    def __init__(
        self,
        *,
        url: str,
        endpoint: Endpoint,
        sqs: SqsFaults,
        folder: Path,
        listener_url: str | None,
    ) -> None:
        self.url = url
        self.endpoint = endpoint
        self.sqs = sqs
        self.clerk = Clerk(url)
        self._folder = folder
        self._id = uuid.uuid4().hex
        self._listeners: list[ListenerProcess] = []
        self.accepted: list[str] = []
        self._letters: list[str] = []
        self.lanes = {"normal": self._queue("normal")}
        self.dlq = self._queue("dlq")
        connection = dict(_parts(as_login(listener_url or url, WORKER)))
        endpoint.call("PutSecret", Name=SECRET, Value=json.dumps(connection))
        self.clerk.query(
            "CREATE TABLE IF NOT EXISTS probe_effect"
            " (job_id text, step int, times int NOT NULL DEFAULT 1,"
            " at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (job_id, step))"
        )
        queues = {"type": "sqs", "queues": self.lanes, "dlq": self.dlq}
        self.clerk.register(endpoint=json.dumps(queues))
        self.agent()

    def _queue(self, name: str) -> str:
        """A queue whose URL leads through the faults."""
        url = self.endpoint.create(f"{self._id}-{name}", visibility=HOLD)
        return url.replace(self.endpoint.url, self.sqs.url)

    def lane(self, name: str) -> None:
        """Give the agent another lane."""
        self.lanes[name] = self._queue(name)

    def agent(self, *, timeout: str = "60s", retries: int = 2, isolation: str = "shared") -> None:
        """Write the agent's folder."""
        folder = self._folder / AGENT
        folder.mkdir(exist_ok=True)
        (folder / "agent.py").write_text((PROBE / "agent.py").read_text())
        (folder / "agent.toml").write_text(
            f'id = "{AGENT}"\nversion = "1.0.0"\ndescription = "A probe."\ncompute = "fargate"\n'
            f'timeout = "{timeout}"\nretries = {retries}\nisolation = "{isolation}"\nmemory = 1024\n'
        )

    def gate(self) -> Path:
        """A file that is not there yet: first attempts that are told of it go on once it is."""
        return self._folder / f"gate-{uuid.uuid4().hex}"

    def start(
        self, *, ready: bool = True, fresh: bool = False, hold: int = LONG_HOLD, **changes: str
    ) -> ListenerProcess:
        """A listener process, `fresh` as `ListenerProcess` says; by default once it takes work.

        Args:
            hold: seconds for which its leases and messages are its own, unless it renews them.
        """
        fields = {
            "concurrency": "4",
            "agent_concurrency": "4",
            "slots": "0",
            "drain_seconds": "5",
            "visibility_seconds": str(hold),
            "transport": "fast",
            "scale_in_protection": "no",
            "fleet": FleetSettings().to_json(),
        }
        extra = {name: changes.pop(name) for name in list(changes) if name.isupper()}
        environment = ListenerEnvironment(
            stage="test",
            database_secret=SECRET,
            database_tls="disable",
            code_version="test",
            agent_id=AGENT,
            agent_folder=str(self._folder / AGENT),
            queue_urls=json.dumps(self.lanes),
            dead_letter_queue_url=self.dlq,
            results_bucket="none",
            own_tmp="",
            allow_external_requests="no",
            outbound='{"addresses": [], "ports": []}',
            http_port="0",
            **{**fields, **changes},
        ).to_environment()
        environment |= {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "AWS_ENDPOINT_URL_SQS": self.sqs.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "PROBE_DATABASE_URL": self.url,
            **extra,
        }
        log = self._folder / f"listener-{len(self._listeners)}.log"
        listener = ListenerProcess(environment, log, fresh=fresh)
        self._listeners.append(listener)
        if ready:
            wait_until(listener.ready, within=120, every=0.05)
        return listener

    def aws(self) -> dict[str, str]:
        """Variables that lead a process to this rig's SQS, faults included."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "AWS_ENDPOINT_URL_SQS": self.sqs.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def look_anew(self) -> None:
        """Look at the database over a connection of now: the server was away."""
        self.clerk.close()
        self.clerk = Clerk(self.url)

    def send(self, *job_ids: str, lane: str = "normal", **params: Any) -> None:
        """Send an envelope for each job."""
        bodies = [json.dumps({"muster": 1, "job_id": each, "params": params}) for each in job_ids]
        self.send_bodies(*bodies, lane=lane)
        self.accepted += job_ids

    def send_bodies(self, *bodies: str, lane: str = "normal") -> None:
        """Send any bodies."""
        for start in range(0, len(bodies), 10):
            page = bodies[start : start + 10]
            entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(page)]
            url = self.lanes[lane].replace(self.sqs.url, self.endpoint.url)
            self.endpoint.call("SendMessageBatch", QueueUrl=url, Entries=entries)

    def depth(self, queue_url: str | None = None) -> int:
        """Messages in the lanes, or in this queue, hidden ones included."""
        urls = [queue_url] if queue_url else list(self.lanes.values())
        total = 0
        for url in urls:
            now = self.endpoint.statistics(url.replace(self.sqs.url, self.endpoint.url))
            total += now.visible + now.held + now.delayed
        return total

    def polls(self) -> int:
        """Receives that wait at the lanes."""
        urls = [url.replace(self.sqs.url, self.endpoint.url) for url in self.lanes.values()]
        return sum(self.endpoint.statistics(url).polls for url in urls)

    def status(self, job_id: str) -> str | None:
        """The state of a job's row."""
        rows = self.clerk.query("SELECT status FROM agent_job_execution WHERE job_id = %s", job_id)
        return rows[0]["status"] if rows else None

    def becomes(self, job_id: str, status: str, *, within: float = 60) -> dict[str, Any]:
        """The job's row, once it is in this state."""
        wait_until(lambda: self.status(job_id) == status, within=within, every=0.03)
        return self.clerk.row(job_id)

    def steps(self, job_id: str) -> dict[int, int]:
        """Step of a job -> how often it had its effect."""
        rows = self.clerk.query(
            "SELECT step, times FROM probe_effect WHERE job_id = %s ORDER BY step", job_id
        )
        return {row["step"]: row["times"] for row in rows}

    def most_at_once(self) -> int:
        """How many `sleep` jobs ran at the same time, as they say themselves."""
        turns = self.clerk.query("SELECT step FROM probe_effect ORDER BY at")
        running, most = 0, 0
        for turn in turns:
            running += 1 if turn["step"] < 0 else -1
            most = max(most, running)
        return most

    def at_rest(self, *, within: float = 120) -> None:
        """Wait until every accepted job is terminal and no message is left."""
        wait_until(lambda: not self.unrest(), within=within, every=0.05)

    def unrest(self) -> list[str]:
        """What is not at rest yet."""
        [row] = self.clerk.query(
            "SELECT count(*) AS n, count(*) FILTER (WHERE status IN ('pending', 'running') OR dlq_pending)"
            " AS busy FROM agent_job_execution"
        )
        problems = [] if row["n"] >= len(set(self.accepted)) else ["jobs without a row"]
        problems += [f"{row['busy']} rows not at rest"] if row["busy"] else []
        problems += ["messages left"] if self.depth() else []
        return problems

    def problems(self) -> list[str]:
        """What is wrong with I1, I3 and I4 at rest."""
        queued = Queued(letters=self.letters())
        return [
            *nothing_lost(self.url, accepted=self.accepted, queued=queued, at_rest=True),
            *history_holds(self.url),
        ]

    def letters(self) -> list[str]:
        """`execution:fence` of every dead letter so far; they stay in their queue."""
        url = self.dlq.replace(self.sqs.url, self.endpoint.url)
        while messages := self.endpoint.call(
            "ReceiveMessage",
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=1000,
            MessageAttributeNames=["All"],
        ).get("Messages"):
            self._letters += [
                message["MessageAttributes"]["muster-dead-letter"]["StringValue"]
                for message in messages
            ]
        return self._letters

    def close(self) -> None:
        """End everything that this rig started."""
        for listener in self._listeners:
            if listener.process.poll() is None:
                os.kill(listener.pid, signal.SIGCONT)
            listener.kill()
        self.clerk.close()


def _parts(url: str) -> Iterator[tuple[str, str]]:
    import psycopg2.extensions

    told = psycopg2.extensions.parse_dsn(url)
    for name in ("host", "port", "dbname"):
        yield name, told[name]
    yield "username", told["user"]
    yield "password", told.get("password", "")


def queue_server() -> AbstractContextManager[Endpoint]:
    """An endpoint for rigs: each has queues of its own there."""
    return running_endpoint(latency=0.002)


@contextmanager
def rigs(folder: Path, endpoint: Endpoint) -> Iterator[Callable[..., Rig]]:
    """`make(url, listener_url=...)`: rigs on this endpoint, with faults of their own."""
    made: list[Rig] = []
    with SqsFaults(endpoint.url) as sqs:

        def make(url: str, *, listener_url: str | None = None) -> Rig:
            place = folder / f"rig-{len(made)}"
            place.mkdir()
            made.append(
                Rig(url=url, endpoint=endpoint, sqs=sqs, folder=place, listener_url=listener_url)
            )
            return made[-1]

        try:
            yield make
        finally:
            for rig in made:
                rig.close()
