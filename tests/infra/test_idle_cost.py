"""S8: the README's price of an idle stage is that of its templates."""

from __future__ import annotations

import json
import re

import pytest

from muster.cli import main
from muster.cost.idle import Idle, idle_cost
from muster.cost.idle_prices import IdlePrices
from muster.cost.prices import Prices
from tests.infra.synthesis import ROOT, Synthesis, agents_of

_ROW = re.compile(r"^\| \**([a-z ]+)[:*| ].*\| \**(\d+) \$\** \| \**(\d+) \$\** \|$")


def at_rest(synthesis: Synthesis) -> Idle:
    """Without the agents that only tests deploy."""
    shipped = {path.name for path in (ROOT / "lambdas" / "agents").iterdir()}
    others = {manifest.id for manifest in agents_of(synthesis.stage)} - shipped
    resources = [
        resource.body
        for resource in synthesis.everything()
        if not others & set(resource.path.split("/"))
    ]
    return idle_cost(resources, IdlePrices(), Prices())


def readme_says(stage: str) -> dict[str, int]:
    """Dollars of each row of the table."""
    text = (ROOT / "README.md").read_text()
    section = text.split("## What an idle stage costs")[1].split("\n## ")[0]
    rows = [match for line in section.splitlines() if (match := _ROW.match(line))]
    return {row[1].strip(): int(row[2 if stage == "dev" else 3]) for row in rows}


def test_the_readme_says_what_the_templates_cost_at_rest(cloud: Synthesis):
    idle = at_rest(cloud)
    told = {**idle.by_group(), "total": idle.total}
    assert readme_says(cloud.stage.name) == {group: round(usd) for group, usd in told.items()}


def test_everything_that_a_stage_has_is_priced_or_known_to_be_free(each: Synthesis):
    assert at_rest(each).unknown == []


def test_the_command_adds_up_a_synthesised_stage(
    cloud: Synthesis, capsys: pytest.CaptureFixture[str]
):
    code = main(["cost", "--idle", str(cloud.folder), "--json"], environ={})
    rows = json.loads(capsys.readouterr().out)
    assert code == 0
    *groups, total = rows
    assert total["group"] == "total"
    assert total["monthly"] == pytest.approx(sum(row["monthly"] for row in groups), abs=0.05)
