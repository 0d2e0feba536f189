"""Faults around dead letters: poison, and a queue that is gone."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.support.cloud import wait_for
from tests.support.gameday.game import Game

#: Each of its attempts fails.
AGENT = "always-fails"


def poison(game: Game) -> None:
    """Jobs that no attempt can do: they fail, are redriven, fail again, and are put away."""
    game.agents.add(AGENT)
    jobs = [game.send(AGENT, game.job(f"poison-{number}")) for number in range(4)]
    rows = [game.until(job, "failed") for job in jobs]
    _buried(game, jobs)
    game.minute()
    game.met("dead-letters", AGENT)
    game.met("failure-rate", AGENT)
    execution = rows[0]["execution_id"]
    game.follow("failure-rate", agent=AGENT, execution=execution)
    game.follow("dead-letters", "Look", "Redrive", agent=AGENT, execution=execution)
    for job, row in zip(jobs, rows, strict=True):
        wait_for(
            lambda job=job, row=row: game.row(job)["fence"] > row["fence"],
            what=f"{job} to run again",
        )
        game.until(job, "failed")
    _buried(game, jobs)
    told = game.copy.described
    game.follow(
        "dead-letters", "What shall never run",
        agent=AGENT, code="retry_later", bucket=told["results_bucket"],
    )  # fmt: skip
    game.read_archive(AGENT)
    game.look(2)
    game.over("dead-letters", AGENT)


def refused(game: Game) -> None:
    """A dead-letter queue that somebody deletes."""
    game.agents.add(AGENT)
    sqs, url = game.copy.aws.client("sqs"), game.copy.described["agents"][AGENT]["dlq_url"]
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    sqs.delete_queue(QueueUrl=url)
    job = game.send(AGENT, game.job("unburied"))
    game.until(job, "failed")
    game.skip(timedelta(minutes=11))
    # Each tick tries again; one in each period is enough here, and three on end for the lateness.
    game.minute()
    game.look(4)
    game.minute(5)
    game.met("dead-letters-refused", AGENT)
    game.met("dead-letters-not-sent", "dispatcher")
    game.follow("dead-letters-not-sent", away=(0, 2), agent=AGENT)
    game.follow("dead-letters-refused", "Look", away=(0, 2), agent=AGENT)
    game.follow(
        "dead-letters-refused", "Mend",
        agent=AGENT, queue=url.rpartition("/")[2], queue_url=url,
        policy=json.dumps({"Policy": kept["Policy"]}),
    )  # fmt: skip
    # What makes it the queue that it was, for the tests that follow.
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"VisibilityTimeout": kept["VisibilityTimeout"]}
    )
    game.minute()
    _buried(game, [job])
    game.minute()
    game.look(5)
    game.over("dead-letters-refused", AGENT)
    game.over("dead-letters-not-sent", "dispatcher")


def _buried(game: Game, jobs: list[str]) -> None:
    wait_for(
        lambda: not any(game.row(job)["dlq_pending"] for job in jobs), what="the letters of all"
    )
