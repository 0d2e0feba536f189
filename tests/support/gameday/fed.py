"""Faults that this machine cannot have: their metrics are fed, and it is said; the pages are followed."""

from __future__ import annotations

from tests.support.gameday.alarm import Alarm, Metric
from tests.support.gameday.game import Game

PROFILE = "document-profile"
#: Page: the alarms, each with whom it is about.
SIMULATED: dict[str, tuple[tuple[str, str], ...]] = {
    "api-latency": (("api-latency", "api"),),
    "concurrency": (("concurrency", "api"), ("account-concurrency", "dispatcher")),
    "function-duration": (("function-duration", PROFILE),),
    "database-connections": (("database-connections", "database"),),
    "database-load": (("database-cpu", "database"), ("database-memory", "database")),
    "database-storage": (("database-storage", "database"),),
}


def simulated(game: Game) -> None:
    """Each metric is fed at its threshold for as long as its alarm waits, and then as it should be."""
    game.agents.add(PROFILE)
    job = game.send(PROFILE, game.job("looked-at"), text="hello")
    execution = game.until(job, "completed")["execution_id"]
    alarms = [game.alarm(*one) for page in SIMULATED.values() for one in page]
    _feed(game, alarms, ill=True)
    for page, told in SIMULATED.items():
        game.say(f"    simulated, by feeding its metric: {page}")
        for one in told:
            game.met(*one)
        game.follow(page, agent=PROFILE, execution=execution)
    _feed(game, alarms, ill=False)
    for told in SIMULATED.values():
        for one in told:
            game.over(*one)


def _feed(game: Game, alarms: list[Alarm], *, ill: bool) -> None:
    values: dict[Metric, float] = {}
    for alarm in alarms:
        (series,) = alarm.series.values()
        falls = alarm.comparison.startswith("Less")
        bad, well = alarm.threshold * (0.5 if falls else 1), alarm.threshold * (2 if falls else 0.5)
        values[series.metric] = bad if ill else well
    game.look(max(alarm.periods * alarm.length for alarm in alarms), fed=values)
