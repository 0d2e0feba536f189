"""Faults of workers: none is called, none can start, they vanish, they hang."""

from __future__ import annotations

import json
import os
import signal
from datetime import timedelta
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config

from local.listener.health import health
from tests.support.cloud import wait_for
from tests.support.gameday.game import Game

PROFILE, LONG, DIES = "document-profile", "outlives", "dies-mid-batch"


def backlog(game: Game) -> None:
    """Somebody switches the event source of an agent off."""
    game.agents.add(PROFILE)
    function = game.copy.described["agents"][PROFILE]["function_name"]
    client = game.copy.aws.client("lambda")
    [source] = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
    jobs = [game.send(PROFILE, game.job(f"waits-{n}"), text="hello") for n in range(3)]
    game.skip(timedelta(minutes=31))
    game.look(5)
    game.met("backlog", PROFILE)
    game.follow("backlog", agent=PROFILE, function=function, event_source=source["UUID"])
    for job in jobs:
        game.until(job, "completed")
    game.look(2)
    game.over("backlog", PROFILE)


def crashes(game: Game) -> None:
    """A function whose variables somebody has removed fails as a whole; its messages come again."""
    game.agents.add(PROFILE)
    function = game.copy.described["agents"][PROFILE]["function_name"]
    client = game.copy.aws.client("lambda")
    variables = client.get_function_configuration(FunctionName=function)["Environment"]
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": {"USER_AGENT": "muster"}}
    )
    with game.soon_again(PROFILE):
        job = game.send(PROFILE, game.job("comes-again"), text="hello")
        for _ in range(2):
            for _ in range(3):
                client.invoke(FunctionName=function, Payload=b'{"Records": []}')
            game.look(5)
        game.met("function-errors", PROFILE)
        game.follow("function-errors", agent=PROFILE, function=function)
        # What a deploy of all stacks does.
        client.update_function_configuration(FunctionName=function, Environment=variables)
        game.until(job, "completed")
    game.look(6)
    game.over("function-errors", PROFILE)


def throttled(game: Game) -> None:
    """A reservation of nothing: Lambda refuses to start the function."""
    game.agents.add(PROFILE)
    function = game.copy.described["agents"][PROFILE]["function_name"]
    client = game.copy.aws.client("lambda")
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    job = game.send(PROFILE, game.job("refused"), text="hello")
    once = _of_one_attempt(game)
    for _ in range(2):
        try:
            once.invoke(FunctionName=function, Payload=b'{"Records": []}')
        except once.exceptions.TooManyRequestsException:
            game.look(5)
    game.met("function-throttles", PROFILE)
    game.follow("function-throttles", function=function)
    game.until(job, "completed")
    game.look(6)
    game.over("function-throttles", PROFILE)


def _of_one_attempt(game: Game) -> Any:
    """A client of Lambda that tells of a refusal at once: the usual one asks again for seconds."""
    told = game.copy.aws.variables()
    return boto3.client(
        "lambda",
        endpoint_url=told["AWS_ENDPOINT_URL"],
        region_name=told["AWS_REGION"],
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


def vanishes(game: Game) -> None:
    """A worker dies in the middle of a job."""
    game.agents.add(DIES)
    job = game.send(DIES, game.job("dies"), deadly=True)
    wait_for(lambda: game.row(job).get("status") == "running", what="the job to run")
    # It dies as it begins; what its lease had left is not waited for.
    game.query(
        "UPDATE agent_job_execution SET lease_expires_at = lease_expires_at - interval '2 minutes'"
        " WHERE job_id = %s AND status = 'running'",
        job,
    )
    game.minute()
    game.met("rescues", "dispatcher")
    game.follow("rescues", agent=DIES, execution=game.row(job)["execution_id"])
    game.until(job, "completed")


def stuck(game: Game) -> None:
    """A job that does not come to its end."""
    game.agents.add(LONG)
    job = game.send(LONG, game.job("stuck"), steps=600)
    execution = game.until(job, "running")["execution_id"]
    game.skip(timedelta(hours=2))
    game.minute(3)
    game.met("stuck-jobs", LONG)
    game.follow("stuck-jobs", agent=LONG, execution=execution)
    game.until(job, "cancelled")
    game.minute(2)
    game.over("stuck-jobs", LONG)


def hangs(game: Game) -> None:
    """The only listener of an agent hangs."""
    game.agents.add(LONG)
    told = game.copy.described["agents"][LONG]
    pid = _listener(game)
    os.kill(pid, signal.SIGSTOP)
    try:
        job = game.send(LONG, game.job("unserved"), steps=1)
        _silent_for_long(game)
        wait_for(lambda: _waits(game, told["queue_url"]), what="the message to be seen")
        # What it had asked for before it hung may still take the message once more, and hide it for a while.
        game.minute_until("unserved", LONG)
        game.met("too-few-listeners", LONG)
        game.follow("listener", agent=LONG, cluster=told["cluster"], service=told["service"])
    finally:
        # Here a task is a process; ECS starts another, and so does the local cloud.
        os.kill(pid, signal.SIGKILL)
    game.until(job, "completed")
    game.minute(2)
    game.over("unserved", LONG)


def _listener(game: Game) -> int:
    """The process of the agent's one listener, once it has registered itself."""

    def found() -> int:
        for listener in game.copy.state.listeners:
            said = health(listener.port) if listener.agent_id == LONG else None
            if said is not None:
                rows = game.query(
                    "SELECT pid FROM agent_instance WHERE instance_id = %s", said["instance_id"]
                )
                return rows[0][0] if rows else 0
        return 0

    return wait_for(found, what=f"the listener of {LONG}")


def _silent_for_long(game: Game) -> None:
    game.query(
        "UPDATE agent_instance SET last_heartbeat = last_heartbeat - interval '10 minutes'"
        " WHERE kind = 'listener' AND instance_id IN"
        " (SELECT instance_id FROM agent_instance_agent WHERE agent_id = %s)",
        LONG,
    )


def _waits(game: Game, url: str) -> bool:
    told = game.copy.aws.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return told["Attributes"]["ApproximateNumberOfMessages"] != "0"


def not_started(game: Game) -> None:
    """ECS tells of tasks that it could not start."""
    game.agents.add(LONG)
    told = game.copy.described["agents"][LONG]
    for _ in range(2):
        task = {
            "taskArn": f"arn:aws:ecs:us-east-1:000000000000:task/muster-local/{uuid4().hex}",
            "lastStatus": "STOPPED",
            "stopCode": "TaskFailedToStart",
            "stoppedReason": "CannotPullContainerError: no such image",
            "group": f"service:{told['service']}",
        }
        game.copy.aws.client("sqs").send_message(
            QueueUrl=game.variable("task_events_queue_url"),
            MessageBody=json.dumps({"detail": task}),
        )
        game.minute()
        game.look(4)
    game.met("tasks-do-not-start", LONG)
    game.follow("tasks-do-not-start", agent=LONG)
    game.query("DELETE FROM agent_instance WHERE metadata ->> 'started' = 'false'")
    game.look(5)
    game.over("tasks-do-not-start", LONG)
