"""One game: its minutes, its jobs, which alarms are met, what runbooks do, and what must hold at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from muster.contracts import ARCHIVE_PREFIX, DeadLetterAttribute
from tests.support.cloud import wait_for
from tests.support.gameday import aws_command
from tests.support.gameday.alarm import Metric
from tests.support.gameday.game_cloud import GameCloud
from tests.support.gameday.holds import problems
from tests.support.gameday.page import Step, steps
from tests.support.gameday.shell import Said, muster

#: Of pending rows, what time moves; a running one's lease is renewed by whoever holds it.
_WAITING = ("queued_at", "available_at", "relay_after", "updated_at")


@dataclass(kw_only=True)
class Game(GameCloud):
    """One game on a deployed copy. `say` takes lines of progress.

    A minute of it is one tick of the dispatcher and one look at every metric: nobody waits for real ones.
    """

    say: Callable[[str], None] = print
    #: Agents whose metrics are looked at.
    agents: set[str] = field(default_factory=set[str])
    history: list[dict[Metric, list[float]]] = field(
        default_factory=list[dict[Metric, list[float]]]
    )
    #: Makes the ids of its jobs its own.
    run: str = field(default_factory=lambda: uuid4().hex[:8])
    #: Steps of pages that were done.
    done: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    #: Jobs that were asked for, and letters that were put away.
    accepted: list[str] = field(default_factory=list[str])
    archived: list[str] = field(default_factory=list[str])

    # --- time ---

    def minute(self, times: int = 1, *, fed: Mapping[Metric, float] | None = None) -> None:
        """So many minutes: each with a tick, unless the schedule is off, and a look at everything.

        Args:
            fed: metrics that no part of the local cloud measures.
        """
        for _ in range(times):
            self.tick()
            self.look(fed=fed)

    def look(self, times: int = 1, *, fed: Mapping[Metric, float] | None = None) -> None:
        """So many minutes without a tick of ours."""
        for _ in range(times):
            found = self.measured.look(self.agents)
            for metric, value in (fed or {}).items():
                found.setdefault(metric, []).append(value)
            self.history.append(found)

    def ticked(self) -> bool:
        """Whether a tick has ended well in the last minute."""
        key = self.alarm("dispatcher-silent", "dispatcher").series["watched"].metric
        return bool(self.history[-1].get(key))

    def tick(self) -> None:
        """What EventBridge Scheduler does each minute: invoke the target of the schedule, if it is on."""
        told = self.copy.aws.client("scheduler").get_schedule(Name=self.schedule)
        if told["State"] == "ENABLED":
            self.copy.aws.client("lambda").invoke(
                FunctionName=told["Target"]["Arn"],
                Payload=told["Target"].get("Input", "{}").encode(),
            )

    def skip(self, time: timedelta) -> None:
        """Let time pass at once for what waits: queues, and jobs that have not ended."""
        import time as clock

        self.measured.skips.append((clock.time(), time))
        moved = ", ".join(f"{column} = {column} - %s" for column in _WAITING)
        mine = "job_id = ANY(%s)"
        self.query(
            f"UPDATE agent_job_execution SET {moved} WHERE (status = 'pending' OR dlq_pending) AND {mine}",
            *[time] * len(_WAITING),
            self.accepted,
        )
        self.query(
            f"UPDATE agent_job_execution SET queued_at = queued_at - %s WHERE status = 'running' AND {mine}",
            time,
            self.accepted,
        )

    # --- jobs ---

    def job(self, name: str) -> str:
        """An id of this game."""
        return f"gameday-{self.run}-{name}"

    def send(self, agent: str, job_id: str, **params: Any) -> str:
        """Ask for a job by a message; its id."""
        told = self.copy.described["agents"][agent]
        body = {"muster": 1, "job_id": job_id, "agent_id": agent, "params": params}
        self.copy.aws.client("sqs").send_message(
            QueueUrl=told["queue_url"], MessageBody=json.dumps(body)
        )
        self.accepted.append(job_id)
        return job_id

    @contextmanager
    def soon_again(self, agent: str) -> Iterator[None]:
        """What a function takes in the block and does not finish comes again in seconds."""
        sqs, name = self.copy.aws.client("sqs"), "VisibilityTimeout"
        url = self.copy.described["agents"][agent]["queue_url"]
        was = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: "5"})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={name: was})

    def row(self, job_id: str) -> dict[str, Any]:
        """The execution of a job; empty before there is one."""
        rows = self.query("SELECT to_jsonb(e) FROM agent_job_execution e WHERE job_id = %s", job_id)
        return rows[0][0] if rows else {}

    def until(self, job_id: str, status: str) -> dict[str, Any]:
        """Wait until a job is so; its row."""
        wait_for(
            lambda: self.row(job_id).get("status") == status,
            what=f"{job_id} to be {status}",
            timeout=600,
        )
        return self.row(job_id)

    # --- alarms and pages ---

    def met(self, name: str, of: str) -> None:
        """An alarm's condition must hold now; says which, and its datapoints."""
        alarm = self.alarm(name, of)
        assert alarm.met(self.history), f"{alarm}: {alarm.seen(self.history)}"
        seen = ["none" if value is None else f"{value:g}" for value in alarm.seen(self.history)]
        self.say(f"    alarm {alarm} of {alarm.owner}: met by {', '.join(seen)}")

    def look_until(self, name: str, of: str) -> None:
        """Minutes without a tick of ours, as many as it takes until the condition holds."""
        self._until(name, of, self.look)

    def minute_until(self, name: str, of: str) -> None:
        """Minutes with a tick, as many as it takes until the condition holds."""
        self._until(name, of, self.minute)

    def _until(self, name: str, of: str, pass_a_minute: Callable[[], None]) -> None:
        def holds() -> bool:
            pass_a_minute()
            return self.alarm(name, of).met(self.history)

        wait_for(holds, what=f"{name} of {of}", timeout=600)
        self.met(name, of)

    def over(self, name: str, of: str) -> None:
        """It must hold no more."""
        alarm = self.alarm(name, of)
        assert not alarm.met(self.history), f"{alarm}: {alarm.seen(self.history)}"

    def follow(
        self, page: str, *sections: str, away: Collection[int] = (0,), **values: str
    ) -> list[Said]:
        """Do every step of a page, or of some of its sections, as it stands; what each said.

        Args:
            away: exit codes that are taken; a database that is away makes commands end with 4.
            values: for what stands in angle brackets, with `_` for `-`.
        """
        named = {name.replace("_", "-"): value for name, value in values.items()}
        said: list[Said] = []
        for step in steps(page):
            if sections and step.section not in sections:
                continue
            said.append(self._do(step, named))
            self.done.add((page, step.text))
            self.say(f"    $ {said[-1].command}")
            assert said[-1].code in away, f"{said[-1].command}: {said[-1].told}"
        return said

    def muster(self, *arguments: str) -> Said:
        """A command that no page asks for, which must work."""
        said = muster(self.copy, arguments, database_url=self.database_url)
        assert said.code == 0, said.told
        return said

    def _do(self, step: Step, values: Mapping[str, str]) -> Said:
        text = step.text
        if step.language == "sql":
            rows = self.query(text)
            return Said(
                command="psql: " + " ".join(text.split())[:60], code=0, out=str(rows), told=""
            )
        program, *arguments = step.words(values)
        if program == "aws":
            answer = aws_command.run(arguments, client=self.copy.aws.client)
            return Said(command=text, code=0, out=json.dumps(answer, default=str), told="")
        assert program == "muster", f"nobody here can do: {text}"
        return muster(self.copy, arguments, database_url=self.database_url)

    # --- the end ---

    def read_archive(self, agent: str) -> None:
        """Note the letters that were put away in the bucket of results."""
        s3, bucket = self.copy.aws.client("s3"), self.copy.described["results_bucket"]
        found = s3.list_objects_v2(Bucket=bucket, Prefix=f"{ARCHIVE_PREFIX}{agent}/")
        for key in [entry["Key"] for entry in found["Contents"]]:
            letters = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
            told = [letter["attributes"] for letter in letters]
            self.archived += [
                letter[DeadLetterAttribute.DEAD_LETTER]
                for letter in told
                if letter.get(DeadLetterAttribute.JOB) in self.accepted
            ]

    def holds(self) -> None:
        """Every job that was asked for has ended, once, and every failure has its letter."""
        found = problems(
            self.copy,
            database_url=self.database_url,
            accepted=self.accepted,
            agents=self.agents,
            archived=self.archived,
        )
        assert found == [], found
        self.say("    the invariants hold")
