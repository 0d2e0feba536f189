"""A deploy that fails: the version before goes on."""

from __future__ import annotations

import shutil

from tests.support.gameday.game import Game

PROFILE = "document-profile"
_STACK = "muster-local-agents-0"


def failed(game: Game) -> None:
    """An agent is deployed whose id another stack owns: the registry refuses it."""
    game.agents.add(PROFILE)
    source = game.copy.path / "local" / "agents" / "always-fails"
    folder = source.with_name("contested")
    shutil.copytree(source, folder)
    manifest = folder / "agent.toml"
    manifest.write_text(manifest.read_text().replace('id = "always-fails"', 'id = "contested"'))
    game.query(
        "INSERT INTO agent_registry (agent_id, agent_version, compute, owner)"
        " VALUES ('contested', '9.0.0', 'lambda', 'another-stack')"
    )
    try:
        done = game.copy.muster("up")
        assert done.returncode == 1, done.stdout
        assert "another-stack" in done.stderr
        game.say("    " + done.stderr.strip().splitlines()[-2].strip())
        seen(game)
    finally:
        shutil.rmtree(folder)
        game.query("DELETE FROM agent_registry WHERE agent_id = 'contested'")
    game.copy.up()
    game.until(game.send(PROFILE, game.job("mended"), text="hello"), "completed")


def seen(game: Game) -> None:
    """What the page shows after a deploy that failed, and that the version before does jobs."""
    game.agents.add(PROFILE)
    [events, *_] = game.follow("failed-deploy", stack=_STACK)
    assert "another-stack" in events.out
    game.until(game.send(PROFILE, game.job("goes-on"), text="hello"), "completed")
