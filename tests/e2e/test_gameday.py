"""Faults that have a runbook: the alarm's condition is met by what is emitted, and the page mends it."""

from __future__ import annotations

import pytest

from tests.support.deployed import DeployedCopy
from tests.support.gameday.play import SCENES, play

#: The pages of each fault. That of a failed deploy is followed by `test_redeploy.py`, where one fails anyway.
FAULTS = (
    ("backlog.md",),
    ("dead-letters.md", "failure-rate.md"),
    ("dead-letters-refused.md", "dead-letters-not-sent.md"),
    ("stuck-jobs.md",),
    ("listener.md",),
    ("tasks-do-not-start.md",),
    ("rescues.md",),
    ("function-errors.md",),
    ("function-throttles.md",),
    ("dispatcher-silent.md",),
    ("missed-fires.md",),
    ("relay-lag.md",),
    ("database-away.md", "api-errors.md"),
    ("secret-rotation.md",),
    ("restore.md",),
    (
        "api-latency.md", "concurrency.md", "function-duration.md", "database-connections.md",
        "database-load.md", "database-storage.md",
    ),
)  # fmt: skip
_SCENES = {tuple(f"{page}.md" for page in scene.pages): scene for scene in SCENES}


@pytest.mark.parametrize("pages", FAULTS, ids=lambda pages: pages[0])
def test_a_fault_is_told_by_its_alarm_and_mended_by_its_runbook(
    pages: tuple[str, ...], deployed: DeployedCopy
):
    # Given a deployed cloud
    # When the fault is induced / Then its alarms' conditions are met by the metrics that come, each step of
    # its runbooks works as it stands, the conditions hold no more, and no job is lost
    game = play(_SCENES[pages], deployed)
    assert {f"{page}.md" for page, _ in game.done} >= set(pages)


def test_every_fault_is_played_here_or_where_a_deploy_fails_anyway():
    assert {pages for pages, scene in _SCENES.items() if not scene.deploys} == set(FAULTS)
