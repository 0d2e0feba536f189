"""Stages grant their roles the same, but for what is listed: what is shown on one machine holds on AWS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.infra.synthesis import Synthesis
from tests.support.privilege.judgement import Listing
from tests.support.privilege.right import Unit
from tests.support.privilege.templates import Templates

GRANTS = Path(__file__).parents[1] / "grants.toml"


def _units(synthesis: Synthesis) -> frozenset[Unit]:
    agents = {manifest.id for manifest in synthesis.manifests}
    templates = Templates(stage=synthesis.stage.name, agents=agents, bodies=synthesis.templates)
    return frozenset(unit for role in templates.roles() for unit in templates.units(role))


def test_what_a_stage_on_aws_grants_is_what_the_local_one_grants_but_for_what_is_listed(
    cloud: Synthesis, synthesised: Callable[[str], Synthesis]
):
    # Given what the roles of a stage on AWS are granted, and those of the local stage
    there, here = _units(cloud), _units(synthesised("local"))
    # Then each difference has been listed with its reason, and is still one
    assert len(there & here) > 30
    assert Listing.read(GRANTS, "only_on_aws").problems(there - here) == []
    assert Listing.read(GRANTS, "only_here").problems(here - there) == []
