"""Runs an agent's worker inside a Lambda function behind an SQS event source with partial batch responses."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster.contracts import AgentEnvironment
from muster.execution.disposition import Disposition, Fate
from muster.execution.worker import Worker
from muster.message.record import from_lambda
from muster.metrics import EmbeddedMetrics
from muster.model import Message
from muster.ports import Queues, Visibility

if TYPE_CHECKING:
    from muster.execution.turnstile import Turnstile

#: Left to the platform at the end of an invocation.
INVOCATION_MARGIN = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class LambdaHost:
    """A worker and what it needs to answer SQS."""

    worker: Worker
    queues: Queues
    metrics: EmbeddedMetrics
    #: Queue name to URL.
    queue_urls: Mapping[str, str]
    #: Queue name to lane.
    lanes: Mapping[str, str]
    #: In front of the worker of an agent whose jobs are counted by slots.
    turnstile: Turnstile | None = None

    def handle(self, event: Mapping[str, Any], *, time_left: timedelta) -> dict[str, Any]:
        """Process an SQS event; the answer names the messages that stay in the queue."""
        records = event["Records"]
        messages = [from_lambda(record) for record in records]
        queue = _queue_name(records[0]["eventSourceARN"])
        try:
            fates = self._process(messages, queue, time_left=time_left - INVOCATION_MARGIN)
            kept = [m for m in messages if fates[m.message_id].fate is not Fate.ACKNOWLEDGE]
            returned = [
                Visibility(receipt_handle=m.receipt_handle, after=fates[m.message_id].after)
                for m in kept
                if fates[m.message_id].fate is Fate.RETURN
            ]
            if returned:
                # Whatever comes of it, the message returns: at the latest when its visibility ends.
                self.queues.change_visibility_batch(self.queue_urls[queue], returned)
        finally:
            self.metrics.flush()
        return {"batchItemFailures": [{"itemIdentifier": m.message_id} for m in kept]}

    def _process(
        self, messages: list[Message], queue: str, *, time_left: timedelta
    ) -> dict[str, Disposition]:
        if self.turnstile is None:
            return self.worker.process(messages, time_left=time_left)
        return self.turnstile.process(messages, lane=self.lanes[queue], time_left=time_left)


def _queue_name(name: str) -> str:
    """The queue of an ARN (`arn:aws:sqs:region:account:name`) or URL (`https://host/account/name`)."""
    return name.replace("/", ":").rsplit(":", 1)[-1]


@cache
def lambda_host() -> LambdaHost:
    """The host of this process, composed from its environment at the first event."""
    from muster.agent_secrets import AgentSecrets
    from muster.aws.s3 import Objects
    from muster.aws.secrets import Secrets
    from muster.aws.sqs import Queues
    from muster.clock import SystemClock
    from muster.execution.attempt import Agent, Attempts
    from muster.execution.burial import Burial
    from muster.execution.configuration import Configuration
    from muster.execution.params import params_checker
    from muster.execution.record import Recorder
    from muster.isolation.choice import caller_of
    from muster.log import logger
    from muster.manifest import load_manifest
    from muster.model import Claimant
    from muster.outbound import Outbound
    from muster.store.agent_config import current_config
    from muster.store.ledger import Ledger
    from muster.store.opening import open_database, open_tables

    environment = AgentEnvironment.from_environ(os.environ)
    folder = Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / environment.agent_folder
    manifest = load_manifest(folder / "agent.toml")
    secrets = Secrets()
    database = open_database(environment, secrets=secrets)
    clock, log, queues = SystemClock(), logger(manifest.id), Queues()
    agent = Agent(
        agent_id=manifest.id,
        version=manifest.version,
        caller=caller_of(manifest, folder=folder, environ=os.environ, own_tmp=environment.own_tmp),
        timeout=manifest.timeout,
        max_attempts=manifest.max_attempts,
        check_params=params_checker(manifest.input_schema),
        configuration=Configuration(
            agent_id=manifest.id,
            defaults=manifest.config,
            schema=manifest.config_schema,
            read=lambda: current_config(database, agent_id=manifest.id),
            clock=clock,
            log=log,
        ),
        secrets=AgentSecrets(manifest.secrets, read=secrets.text, clock=clock),
        database=open_tables(database, agent_id=manifest.id, folder=folder),
        outbound=Outbound.of(environment, egress=manifest.egress),
    )
    metrics = EmbeddedMetrics(stage=environment.stage, agent=manifest.id)
    ledger = Ledger(database, clock=clock)
    recorder = Recorder(log=log, metrics=metrics, clock=clock)
    worker = Worker(
        agent=agent,
        claimant=Claimant(
            agent_id=manifest.id,
            agent_version=manifest.version,
            max_attempts=manifest.max_attempts,
            worker=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "lambda"),
            log_stream=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
            code_version=environment.code_version,
        ),
        ledger=ledger,
        attempts=Attempts(
            agent=agent,
            ledger=ledger,
            objects=Objects(),
            results_bucket=environment.results_bucket,
            clock=clock,
            log=log,
        ),
        burial=Burial(
            queues=queues,
            queue_url=environment.dead_letter_queue_url,
            ledger=ledger,
            recorder=recorder,
            clock=clock,
        ),
        recorder=recorder,
        clock=clock,
    )
    turnstile = None
    if int(environment.slots):
        from muster.execution.turnstile import Turnstile
        from muster.store.slots import Slots

        turnstile = Turnstile(
            worker=worker,
            agent=agent,
            slots=Slots(database, clock=clock),
            capacity=int(environment.slots),
            recorder=recorder,
            clock=clock,
        )
    urls = json.loads(environment.queue_urls)
    return LambdaHost(
        worker=worker,
        queues=queues,
        metrics=metrics,
        queue_urls={_queue_name(url): url for url in urls.values()},
        lanes={_queue_name(url): lane for lane, url in urls.items()},
        turnstile=turnstile,
    )
