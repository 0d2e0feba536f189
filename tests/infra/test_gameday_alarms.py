"""What the game day takes from values is what the templates of the cloud say."""

from __future__ import annotations

from tests.infra.synthesis import Synthesis
from tests.support.gameday.alarm import alarms
from tests.support.gameday.taken_out import of_agent, of_watch


def test_alarms_over_formulas_are_in_the_templates_as_the_game_day_has_them(cloud: Synthesis):
    # Given every alarm of the agents as the templates have it
    templates = [t for name, t in cloud.templates.items() if name.startswith("agents")]
    found = {(a.owner, a.name): a for template in templates for a in alarms(template)}
    # When the same are taken from the values that they were made of / Then they are equal
    for manifest in cloud.manifests:
        owner = f"Agent {manifest.id} ({cloud.stage.name})"
        for watch in of_agent(manifest, stage=cloud.stage.name):
            assert found[owner, watch.name] == of_watch(watch, owner=owner)
