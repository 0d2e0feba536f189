"""Faults of the dispatcher: it is silent, or cannot get at its jobs."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta

import psycopg2

from tests.support.cloud import wait_for
from tests.support.gameday.game import Game
from tests.support.gameday.letters import AGENT

#: It is asked for nothing in particular.
PLANNED = "overtakes"


def silent(game: Game) -> None:
    """Somebody switches the dispatcher's schedule off."""
    target = _switch(game, "DISABLED")
    # A tick that was on its way may still come.
    game.look_until("dispatcher-silent", "dispatcher")
    game.follow("dispatcher-silent", schedule=game.schedule, target=json.dumps(target))
    game.minute()
    game.over("dispatcher-silent", "dispatcher")


def passed_over(game: Game) -> None:
    """Somebody's transaction holds the row of a job, so that ticks pass over it."""
    game.agents.add(AGENT)
    job = game.send(AGENT, game.job("held"))
    game.until(job, "failed")
    target = _switch(game, "DISABLED")
    with closing(psycopg2.connect(game.database_url)) as connection:
        game.muster("jobs", "retry", job)
        game.skip(timedelta(minutes=11))
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM agent_job_execution WHERE job_id = %s FOR UPDATE", (job,))
        _switch(game, "ENABLED", target=target)
        game.minute(3)
        game.met("relay-lag", "dispatcher")
        game.follow("relay-lag")
        connection.rollback()
    game.minute()
    fence = game.until(job, "failed")["fence"]
    # The letter of its first failure is stale now: a redrive takes it out.
    game.muster("dlq", "redrive", AGENT, "--job-id", job, "--yes")
    wait_for(lambda: game.row(job)["fence"] > fence, what="the job to run once more")
    game.until(job, "failed")
    game.minute(2)
    game.over("relay-lag", "dispatcher")


def missed(game: Game) -> None:
    """Times of a schedule pass without a tick, and it does not make them up."""
    game.agents.add(PLANNED)
    name = f"gameday-{game.run}"
    game.query(
        "INSERT INTO agent_schedule (agent_id, name, expression, missed, overlap, next_at)"
        " VALUES (%s, %s, '0 * * * *', 'skip', 'allow', now() - interval '1 day')",
        PLANNED,
        name,
    )
    game.minute()
    game.met("missed-fires", "dispatcher")
    game.follow("missed-fires", agent=PLANNED, name=name)
    sql = "SELECT job_id FROM agent_job_execution WHERE agent_id = %s AND schedule = %s"
    made = [job for (job,) in game.query(sql, PLANNED, name)]
    assert made
    game.accepted += made
    game.minute()
    for job in made:
        game.until(job, "completed")
    game.query("DELETE FROM agent_schedule WHERE agent_id = %s AND name = %s", PLANNED, name)
    game.look(15)
    game.over("missed-fires", "dispatcher")


def _switch(game: Game, state: str, *, target: object = None) -> object:
    client = game.copy.aws.client("scheduler")
    told = client.get_schedule(Name=game.schedule)
    client.update_schedule(
        Name=game.schedule,
        State=state,
        ScheduleExpression=told["ScheduleExpression"],
        FlexibleTimeWindow=told["FlexibleTimeWindow"],
        Target=target or told["Target"],
    )
    return told["Target"]
