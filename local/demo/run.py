"""The demo from deploy to verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from local.cloud import Cloud
from local.demo.dispatcher import Dispatcher
from local.demo.job import PlannedJob
from local.demo.objects import Objects
from local.demo.plan import PROFILE, jobs
from local.demo.records import Record, dead_letters, records
from local.demo.sender import send, upload
from local.demo.verdict import executions, percentile, problems
from local.environment import describe
from local.errors import LocalCloudError
from local.state import CloudState
from muster.store.reader import reading
from muster.store.settings import DatabaseSettings

#: Seconds for all jobs to end on a machine that is busy with other things.
TIMEOUT = 300
_PAUSE = 0.25
#: Seconds between lines of progress.
_REPORT = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Demo:
    """One run. `say` takes lines of progress."""

    cloud: Cloud
    say: Callable[[str], None]

    def run(self) -> dict[str, Any]:
        """Deploy, send, wait, check; return what `muster demo --json` prints.

        Raises:
            LocalCloudError: the cloud could not be brought up, or lacks what the demo needs.
        """
        begun = time.monotonic()
        state = self.cloud.up()
        deployed = time.monotonic()
        described = describe(state)
        agents, bucket = described["agents"], described["bucket"]
        if bucket is None:
            raise LocalCloudError("The deployed stage has no uploads bucket.")
        self._list_registry(state)
        run, since = uuid4().hex[:8], datetime.now(UTC) - timedelta(minutes=1)
        aws = self.cloud.aws(state)
        upload(aws, bucket=bucket, run=run)
        dropped = Objects(bucket=bucket, run=run)
        dropped.drop(aws)
        sent = send(aws, jobs(run=run, bucket=bucket), agents=agents)
        sent += dropped.jobs(
            aws, database_url=state.database_url, queue_url=agents[PROFILE]["queue_url"]
        )
        messages = sum(job.copies for job in sent)
        self.say(f"Sent {messages} messages as run {run}")
        ids = [str(job.job_id) for job in sent]
        with records(state.database_url, job_ids=ids, since=since) as ledger:
            found = self._wait(ledger.read, sent, dispatcher=Dispatcher(aws))
        dead = dead_letters(aws, agents=agents, job_ids=ids)
        wrong = problems(sent, records=found, dead=dead)
        latencies = [r.latency_ms for r in found if r.agent_id == PROFILE and r.latency_ms]
        return {
            "ok": not wrong,
            "run": run,
            "deploy_seconds": round(deployed - begun, 1),
            "total_seconds": round(time.monotonic() - begun, 1),
            "sent": messages,
            "executions": executions(found),
            "duplicates": sum(record.duplicates for record in found),
            "dlq": [
                {
                    "agent": letter.agent_id,
                    "reason": letter.reason,
                    "job_id": letter.job_id,
                    "execution_id": letter.execution_id,
                    "attempts": letter.attempts,
                }
                for letter in dead
            ],
            "latency_ms": {"p50": percentile(latencies, 0.5), "p99": percentile(latencies, 0.99)},
            "problems": wrong,
        }

    def _list_registry(self, state: CloudState) -> None:
        settings = DatabaseSettings.from_url(state.database_url)
        with reading(settings, topic="agents") as reader:
            rows = reader.rows("list_agents", {"all": False})
        self.say("The registry:")
        for row in rows:
            self.say(f"  {row['agent_id']} {row['agent_version']}: {row['description']}")

    def _wait(
        self,
        read: Callable[[], list[Record]],
        sent: Sequence[PlannedJob],
        *,
        dispatcher: Dispatcher,
    ) -> list[Record]:
        """Wait until every record is final, or too long."""
        begun = reported = time.monotonic()
        while True:
            found = read()
            ended = sum(record.status.terminal for record in found)
            complete = ended >= len(sent) and sum(r.duplicates for r in found) >= sum(
                job.copies - 1 for job in sent
            )
            now = time.monotonic()
            if complete or now - begun > TIMEOUT:
                self.say(f"  {ended} of {len(sent)} jobs ended after {now - begun:.0f} s")
                return found
            if now - reported > _REPORT:
                reported = now
                self.say(f"  {ended} of {len(sent)} jobs ended; {_unfinished(sent, found)}")
            if now - begun > dispatcher.first_call_after:
                dispatcher.nudge()
            time.sleep(_PAUSE)


def _unfinished(sent: Sequence[PlannedJob], found: Sequence[Record]) -> str:
    ended = {(r.agent_id, r.job_id) for r in found if r.status.terminal}
    waiting = [job for job in sent if (job.agent, job.job_id) not in ended]
    if not waiting:
        return "waiting for the duplicate to be counted"
    return f"waiting for {waiting[0].what}" + (
        f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
    )
