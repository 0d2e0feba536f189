"""A signed delivery that starts a job once, and others that are refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.demo.records import Record
from local.errors import LocalCloudError
from muster.cli.delivery import Answered, post
from muster.hooks.standard import StandardWebhooks
from muster.model import Status

AGENT, NAME = "takes-deliveries", "demo"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What the API said to each delivery of one run."""

    first: Answered
    #: The same one again.
    again: Answered
    #: The same id with another body, signed as well.
    other: Answered
    #: The first one as it was an hour ago: a replay that comes too late.
    late: Answered
    #: The first one with a body that nobody signed.
    forged: Answered


def job_id(run: str) -> str:
    """The job that the run's delivery starts."""
    return f"webhook:{NAME}:{_delivery(run)}"


def deliver(*, run: str, api_url: str, program: Path, environment: Mapping[str, str]) -> Answers:
    """Make a secret as an operator does, and post as a sender does.

    Raises:
        LocalCloudError: there is no secret; says why.
    """
    secret = _secret(program, environment)
    scheme, now = StandardWebhooks(), datetime.now(UTC)
    url, id_ = f"{api_url}/hooks/{AGENT}/{NAME}", _delivery(run)
    body, changed = (json.dumps({"said": word}).encode() for word in ("hello", "something else"))
    signed = scheme.sign(body, secret=secret, delivery=id_, now=now)
    other = scheme.sign(changed, secret=secret, delivery=id_, now=now)
    late = scheme.sign(body, secret=secret, delivery=id_, now=now - timedelta(hours=1))
    return Answers(
        first=post(url, body=body, headers=signed),
        again=post(url, body=body, headers=signed),
        other=post(url, body=changed, headers=other),
        late=post(url, body=body, headers=late),
        forged=post(url, body=changed, headers=signed),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """Watches the job of the run's delivery."""

    read: Callable[[], list[Record]]
    answers: Answers

    @property
    def what(self) -> str:
        """See `Scene.what`."""
        return "a signed webhook"

    def over(self) -> bool:
        """See `Scene.over`."""
        return any(record.status.terminal for record in self.read())

    def problems(self) -> list[str]:
        """See `Scene.problems`."""
        return [f"{AGENT} ({self.what}): {problem}" for problem in self._wrong()]

    @property
    def told(self) -> dict[str, int]:
        """The status of each answer."""
        names = ("first", "again", "other", "late", "forged")
        return {name: getattr(self.answers, name).status for name in names}

    def _wrong(self) -> list[str]:
        wanted = {"first": 202, "again": 200, "other": 409, "late": 401, "forged": 401}
        wrong = [
            f"{name}: answered {self.told[name]} instead of {status}"
            for name, status in wanted.items()
            if self.told[name] != status
        ]
        if self.answers.first.answer != self.answers.again.answer:
            wrong.append("the same delivery was answered with another execution")
        found = self.read()
        if [record.status for record in found] != [Status.COMPLETED]:
            wrong.append(f"its executions are {[str(record.status) for record in found]}")
        elif found[0].result["said"] != {"said": "hello"}:
            wrong.append("its job was told something else than the sender said")
        return wrong


def _delivery(run: str) -> str:
    return f"demo-{run}"


def _secret(program: Path, environment: Mapping[str, str]) -> str:
    command = [str(program), "webhooks", "rotate", AGENT, NAME, "--overlap", "0s", "--json"]
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LocalCloudError(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)["secret"]
