"""One run of the demo on a deployed cloud: everything is sent, watched until it is over, and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.demo import api_job, long_job, outsider, overtaking, plan, web, webhook
from local.demo.api_job import ApiJob
from local.demo.config import ConfigChange, change
from local.demo.dispatcher import Dispatcher
from local.demo.ground import Ground
from local.demo.job import PlannedJob
from local.demo.long_job import Interruption
from local.demo.messages import Messages
from local.demo.objects import Objects
from local.demo.outsider import Outsider
from local.demo.overtaking import Overtaking
from local.demo.plan import PROFILE
from local.demo.records import Records, dead_letters, records
from local.demo.scene import Scene
from local.demo.schedule import Schedule
from local.demo.sender import send, upload
from local.demo.verdict import executions, judged, percentile
from local.demo.watch import watch
from local.demo.webhook import Webhook


@dataclass(frozen=True, kw_only=True, slots=True)
class Show:
    """One run. `say` takes lines of progress."""

    ground: Ground
    #: Makes job ids and keys unique.
    run: str
    begun: datetime
    say: Callable[[str], None]

    def play(self) -> dict[str, Any]:
        """Send, watch, judge; what came of it, for `muster demo --json`.

        Raises:
            LocalCloudError: something could not be sent.
        """
        # What takes seconds in which nothing is watched goes before the jobs are sent.
        key = api_job.new_key(
            run=self.run, program=self.ground.program, environment=self.ground.environment
        )
        worked = outsider.work(run=self.run, api_url=self.ground.api_url, key=key)
        with web.served() as url:
            answers = self._deliver()
            sent = self._send(url)
            ids = [str(job.job_id) for job in sent]
            with records(
                self.ground.database_url, job_ids=ids, since=self.begun - timedelta(minutes=1)
            ) as ledger:
                return self._watch(
                    sent,
                    ledger,
                    Webhook(read=lambda: ledger.of(webhook.job_id(self.run)), answers=answers),
                    Outsider(read=lambda: ledger.of(outsider.job_id(self.run)), worked=worked),
                    ApiJob(call=api_job.caller(url=self.ground.api_url, key=key), run=self.run),
                )

    def _send(self, url: str) -> list[PlannedJob]:
        ground, run = self.ground, self.run
        change(run=run, program=ground.program, environment=ground.environment)
        upload(ground.aws, bucket=ground.bucket, run=run)
        dropped = Objects(bucket=ground.bucket, run=run)
        dropped.drop(ground.aws)
        planned = [
            *plan.jobs(run=run, bucket=ground.bucket),
            *overtaking.patient(run=run),
            *web.jobs(run=run, url=url),
        ]
        sent = send(ground.aws, planned, agents=ground.agents)
        sent += send(ground.aws, [overtaking.urgent(run=run)], agents=ground.agents)
        sent += dropped.jobs(
            ground.aws,
            database_url=ground.database_url,
            queue_url=ground.agents[PROFILE]["queue_url"],
        )
        # Last: it is to be interrupted half-way by who watches.
        sent += send(ground.aws, [long_job.job(run=run)], agents=ground.agents)
        return sent

    def _watch(
        self,
        sent: list[PlannedJob],
        ledger: Records,
        delivered: Webhook,
        outside: Outsider,
        by_the_api: ApiJob,
    ) -> dict[str, Any]:
        ids = [str(job.job_id) for job in sent]
        messages = Messages(
            sent,
            read=ledger.read,
            buried=lambda: dead_letters(self.ground.aws, agents=self.ground.agents, job_ids=ids),
        )
        self.say(f"Sent {messages.copies} messages as run {self.run}")
        schedule = Schedule(read=ledger.fires, begun=self.begun)
        overtaken = Overtaking(messages, run=self.run)
        config = ConfigChange(read=ledger.fires, begun=self.begun, run=self.run)
        long = str(long_job.job(run=self.run).job_id)
        interruption = Interruption(
            progress=lambda: ledger.progress(long_job.AGENT, long),
            listeners=lambda: self.ground.listeners(long_job.AGENT),
        )
        scenes: list[Scene] = [
            interruption, messages, schedule, overtaken, config, delivered, outside,
            by_the_api,
        ]  # fmt: skip
        dispatcher = Dispatcher(self.ground.aws, allowed=lambda: schedule.recorded)
        watch(scenes, say=self.say, meanwhile=dispatcher.nudge)
        return {
            **judged(scenes),
            "run": self.run,
            **_told(messages),
            "fired": schedule.fired,
            "overtaken": overtaken.overtaken,
            "config_seconds": config.seconds,
            "webhook": delivered.told,
            "outside": outside.told,
        }

    def _deliver(self) -> webhook.Answers:
        """Post to a webhook; what it starts is watched with everything else."""
        return webhook.deliver(
            run=self.run,
            api_url=self.ground.api_url,
            program=self.ground.program,
            environment=self.ground.environment,
        )


def _told(messages: Messages) -> dict[str, Any]:
    latencies = [r.latency_ms for r in messages.records if r.agent_id == PROFILE and r.latency_ms]
    return {
        "sent": messages.copies,
        "executions": executions(messages.records),
        "duplicates": sum(record.duplicates for record in messages.records),
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
    }
