"""The demo from deploy to verdict."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from local.cloud import Cloud
from local.demo import overtaking
from local.demo.config import ConfigChange, change
from local.demo.dispatcher import Dispatcher
from local.demo.messages import Messages
from local.demo.objects import Objects
from local.demo.overtaking import Overtaking
from local.demo.plan import PROFILE, jobs
from local.demo.records import dead_letters, records
from local.demo.scene import Scene
from local.demo.schedule import Schedule
from local.demo.sender import send, upload
from local.demo.verdict import executions, percentile
from local.demo.watch import watch
from local.environment import describe, exports
from local.errors import LocalCloudError
from local.state import CloudState
from muster.store.reader import reading
from muster.store.settings import DatabaseSettings


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
        now = datetime.now(UTC)
        run, since = uuid4().hex[:8], now - timedelta(minutes=1)
        aws = self.cloud.aws(state)
        change(
            run=run,
            program=self.cloud.checkout.program,
            environment=aws.environment() | exports(state),
        )
        upload(aws, bucket=bucket, run=run)
        dropped = Objects(bucket=bucket, run=run)
        dropped.drop(aws)
        planned = [*jobs(run=run, bucket=bucket), *overtaking.patient(run=run)]
        sent = send(aws, planned, agents=agents)
        sent += send(aws, [overtaking.urgent(run=run)], agents=agents)
        sent += dropped.jobs(
            aws, database_url=state.database_url, queue_url=agents[PROFILE]["queue_url"]
        )
        ids = [str(job.job_id) for job in sent]
        with records(state.database_url, job_ids=ids, since=since) as ledger:
            messages = Messages(
                sent,
                read=ledger.read,
                buried=lambda: dead_letters(aws, agents=agents, job_ids=ids),
            )
            self.say(f"Sent {messages.copies} messages as run {run}")
            schedule = Schedule(read=ledger.fires, begun=now)
            overtaken = Overtaking(messages, run=run)
            config = ConfigChange(read=ledger.fires, begun=now, run=run)
            scenes: list[Scene] = [messages, schedule, overtaken, config]
            dispatcher = Dispatcher(aws, allowed=lambda: schedule.recorded)
            watch(scenes, say=self.say, meanwhile=dispatcher.nudge)
            wrong = [problem for scene in scenes for problem in scene.problems()]
            fired = schedule.fired
        latencies = [
            r.latency_ms for r in messages.records if r.agent_id == PROFILE and r.latency_ms
        ]
        return {
            "ok": not wrong,
            "run": run,
            "deploy_seconds": round(deployed - begun, 1),
            "total_seconds": round(time.monotonic() - begun, 1),
            "sent": messages.copies,
            "executions": executions(messages.records),
            "duplicates": sum(record.duplicates for record in messages.records),
            "fired": fired,
            "overtaken": overtaken.overtaken,
            "config_seconds": config.seconds,
            "dlq": [
                {
                    "agent": letter.agent_id,
                    "reason": letter.reason,
                    "job_id": letter.job_id,
                    "execution_id": letter.execution_id,
                    "attempts": letter.attempts,
                }
                for letter in messages.dead
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
