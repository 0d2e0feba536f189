"""The faults of a game, each with the pages that it plays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.support.deployed import DeployedCopy
from tests.support.gameday import database, deploys, fed, letters, ticks, workers
from tests.support.gameday.game import Game
from tests.support.gameday.page import pages, steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One fault."""

    pages: Sequence[str]
    play: Callable[[Game], None]
    #: It deploys: minutes, so that a test of the suite plays it where it deploys anyway.
    deploys: bool = False

    @property
    def what(self) -> str:
        """For people."""
        return (self.play.__doc__ or "").strip()


SCENES: Sequence[Scene] = (
    Scene(pages=("backlog",), play=workers.backlog),
    Scene(pages=("dead-letters", "failure-rate"), play=letters.poison),
    Scene(pages=("dead-letters-refused", "dead-letters-not-sent"), play=letters.refused),
    Scene(pages=("stuck-jobs",), play=workers.stuck),
    Scene(pages=("listener",), play=workers.hangs),
    Scene(pages=("tasks-do-not-start",), play=workers.not_started),
    Scene(pages=("rescues",), play=workers.vanishes),
    Scene(pages=("function-errors",), play=workers.crashes),
    Scene(pages=("function-throttles",), play=workers.throttled),
    Scene(pages=("dispatcher-silent",), play=ticks.silent),
    Scene(pages=("missed-fires",), play=ticks.missed),
    Scene(pages=("relay-lag",), play=ticks.passed_over),
    Scene(pages=("database-away", "api-errors"), play=database.away),
    Scene(pages=("secret-rotation",), play=database.rotated),
    Scene(pages=("restore",), play=database.restored),
    Scene(pages=tuple(fed.SIMULATED), play=fed.simulated),
    Scene(pages=("failed-deploy",), play=deploys.failed, deploys=True),
)


def play(scene: Scene, copy: DeployedCopy, *, say: Callable[[str], None] = print) -> Game:
    """Induce, look, follow, and hold the invariants."""
    began = time.monotonic()
    game = Game(copy=copy, say=say)
    say(f"  {', '.join(scene.pages)}: {scene.what}")
    scene.play(game)
    game.holds()
    left = undone(scene.pages, game.done)
    assert left == [], f"steps that nobody did: {left}"
    say(f"    {time.monotonic() - began:.0f} s")
    return game


def undone(names: Iterable[str], done: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Steps of pages that were not done."""
    return [
        (name, step.text) for name in names for step in steps(name) if (name, step.text) not in done
    ]


def unplayed() -> set[str]:
    """Runbooks of faults that no scene plays."""
    return set(pages()) - {page for scene in SCENES for page in scene.pages}
