"""Has every role of the deployed copy do its work: triggers, a retry, dead letters, listeners, a tick."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

from local.demo.api_job import Call as ApiCall
from local.demo.api_job import caller
from muster.cli.delivery import post
from muster.contracts import INLINE_RESULT_BYTES
from muster.hooks.standard import StandardWebhooks
from tests.support.bookkeeping import csv_file, csv_line
from tests.support.cloud import wait_for
from tests.support.deployed import DeployedCopy

PROFILE, FAILS, LISTENS, STEPS = "document-profile", "always-fails", "ledger-posting", "outlives"
APART, HOOKED, TIMED = "keeps-apart", "takes-deliveries", "keeps-time"
APART_HOLDS = "demo/keeps-apart"
#: Seconds until a job has ended on a very busy machine.
PATIENCE = 600
#: Of half a second: longer than half the visibility of the local listeners, which is renewed meanwhile.
LONG_STEPS = 8
#: More than a row holds: its result goes to S3.
LONG_TEXT = "é" * (INLINE_RESULT_BYTES // 2)


@dataclass(kw_only=True)
class Drive:
    """One pass over what the roles of a deployed copy are for."""

    copy: DeployedCopy
    run: str = field(default_factory=lambda: uuid4().hex[:8])
    _waiting: list[tuple[str, str, str]] = field(default_factory=list)

    def all(self) -> None:
        """Everything; fails the test when a job does not end as it must."""
        # The API first: a caller waits a minute, and functions that all start cold at once take longer.
        self._by_api()
        self._by_webhook()
        self._secret()
        for agent, params in self._by_message():
            self._send(agent, params, ends="completed")
        failing = self._send(FAILS, {}, ends="failed")
        self._send(LISTENS, {"bucket": self._uploads, "key": "nothing.csv"}, ends="failed")
        self._send(PROFILE, {"bucket": self._uploads, "key": "nothing.csv"}, ends="failed")
        self._by_object()
        self._ticks()
        self._ended()
        self._letters(failing)

    def _by_message(self) -> Sequence[tuple[str, dict[str, Any]]]:
        version = self._put(f"driven/{self.run}.csv", csv_file([csv_line(1)]))
        document = {"bucket": self._uploads, "key": f"driven/{self.run}.csv"}
        return (
            (PROFILE, {**document, "version_id": version}),
            (LISTENS, {**document, "version_id": version}),
            (STEPS, {"steps": LONG_STEPS}),
            (APART, {}),
            (HOOKED, {"delivery": self.run, "body": LONG_TEXT}),
        )

    def _by_object(self) -> None:
        for agent, prefix in ((PROFILE, "incoming"), (LISTENS, "ledger")):
            key = f"{prefix}/{self.run}.csv"
            self._put(key, csv_file([csv_line(1)]))
            self._await(agent, f"params->>'key' = '{key}'", "completed")

    def _by_api(self) -> None:
        body = {"agent_id": PROFILE, "params": {"text": "hello"}, "job_id": f"driven-{self.run}"}
        status, _ = self._api("POST", "/v1/jobs", body)
        assert status == 202
        self._await(PROFILE, f"job_id = 'driven-{self.run}'", "completed")
        assert self._api("POST", "/v1/tokens", {})[0] == 200

    def _by_webhook(self) -> None:
        secrets = self.copy.aws.client("secretsmanager")
        held = secrets.get_secret_value(SecretId=f"muster/local/hooks/{HOOKED}/demo")
        body, delivery = b'{"said": "hello"}', f"driven-{self.run}"
        signed = StandardWebhooks().sign(
            body,
            secret=json.loads(held["SecretString"])["current"],
            delivery=delivery,
            now=datetime.now(UTC),
        )
        url = f"{self.copy.described['api_url']}/hooks/{HOOKED}/demo"
        assert post(url, body=body, headers=signed).status == 202
        self._await(HOOKED, f"job_id = 'webhook:demo:{delivery}'", "completed")

    def _ticks(self) -> None:
        """Ticks fire the schedule, and hear of a task that ECS stopped."""
        task = {
            "taskArn": f"arn:aws:ecs:::task/muster-local/{uuid4().hex}",
            "lastStatus": "STOPPED",
        }
        self.copy.aws.client("sqs").send_message(
            QueueUrl=self._variable("TASK_EVENTS_QUEUE_URL"),
            MessageBody=json.dumps({"detail": {**task, "stoppedReason": "a test says so"}}),
        )
        self._tick()
        self._await(TIMED, "true", "completed")

    def _letters(self, failing: str) -> None:
        """Dead letters are looked at, sent back, fail again, are buried by a tick, and are put away."""
        of = f"/v1/dead-letters/{FAILS}"
        mine = f"job_id = '{failing}'"
        assert self._api("GET", "/v1/dead-letters", None)[0] == 200
        assert self._api("GET", of, None)[0] == 200
        status, told = self._api("POST", f"{of}/redrive", {"job_id": failing, "dry_run": False})
        assert (status, told["done"]) == (200, 1), told
        self._await(FAILS, f"{mine} AND fence > 2", "failed")
        self._ended()
        self.copy.query(
            "UPDATE agent_job_execution SET dlq_pending = true, updated_at = now() - interval '1 hour'"
            " WHERE agent_id = %s AND job_id = %s",
            FAILS,
            failing,
        )
        self._tick()
        wait_for(lambda: not self._rows(FAILS, f"{mine} AND dlq_pending"), what="the burial")
        status, told = self._api("POST", f"{of}/purge", {"job_id": failing, "dry_run": False})
        assert (status, told["done"] > 0) == (200, True), told

    def _ended(self) -> None:
        """Wait for every job that was asked for."""
        for agent, which, status in self._waiting:
            wait_for(
                lambda agent=agent, which=which, status=status: self._rows(
                    agent, f"({which}) AND status = '{status}'"
                ),
                what=f"a job of {agent} to end as {status}: {which}",
                timeout=PATIENCE,
            )
        self._waiting.clear()

    def _send(self, agent: str, params: dict[str, Any], *, ends: str) -> str:
        job = f"driven-{self.run}-{len(self._waiting)}"
        self.copy.aws.client("sqs").send_message(
            QueueUrl=self.copy.described["agents"][agent]["queue_url"],
            MessageBody=json.dumps(
                {"muster": 1, "job_id": job, "agent_id": agent, "params": params},
                ensure_ascii=False,
            ),
        )
        self._await(agent, f"job_id = '{job}'", ends)
        return job

    def _await(self, agent: str, which: str, status: str) -> None:
        self._waiting.append((agent, which, status))

    def _rows(self, agent: str, which: str) -> list[tuple[Any, ...]]:
        return self.copy.query(
            f"SELECT 1 FROM agent_job_execution WHERE agent_id = %s AND {which} LIMIT 1",
            agent,
        )

    def _put(self, key: str, text: str) -> str:
        """The version that it got."""
        put = self.copy.aws.client("s3").put_object(
            Bucket=self._uploads, Key=key, Body=text.encode()
        )
        return put["VersionId"]

    def _secret(self) -> None:
        secrets = self.copy.aws.client("secretsmanager")
        if not secrets.list_secrets(Filters=[{"Key": "name", "Values": [APART_HOLDS]}])[
            "SecretList"
        ]:
            secrets.create_secret(Name=APART_HOLDS, SecretString=self.run)

    def _tick(self) -> None:
        told = self.copy.aws.client("lambda").invoke(FunctionName=self._dispatcher, Payload=b"{}")
        assert "FunctionError" not in told, told["Payload"].read()

    def _variable(self, name: str) -> str:
        told = self.copy.aws.client("lambda").get_function_configuration(
            FunctionName=self._dispatcher
        )["Environment"]["Variables"]
        (value,) = (value for key, value in told.items() if key.endswith(name))
        return value

    @property
    def _uploads(self) -> str:
        return self.copy.described["bucket"]

    @cached_property
    def _dispatcher(self) -> str:
        pages = self.copy.aws.client("lambda").get_paginator("list_functions").paginate()
        (name,) = (
            function["FunctionName"]
            for page in pages
            for function in page["Functions"]
            if function["Handler"] == "lambdas.scheduler.handler.handler"
        )
        return name

    @cached_property
    def _api(self) -> ApiCall:
        made = self.copy.muster("keys", "create", self.run, "--role", "admin", "--json")
        assert made.returncode == 0, made.stderr
        return caller(url=self.copy.described["api_url"], key=json.loads(made.stdout)["key"])
