"""The guide to lanes shows statements that work."""

from __future__ import annotations

import re

from tests.integration.slots.conftest import Gate
from tests.support.clerk import query
from tests.support.source import ROOT


def test_the_statements_of_the_guide_show_who_holds_and_who_waits(gate: Gate):
    # Given a slot that normal holds and urgent waits for
    gate.gets("normal")
    gate.refused("urgent")
    # When the guide's statements are run
    [block] = re.findall(
        r"```sql\n(.*?)```", (ROOT / "docs/guides/lanes.md").read_text(), re.DOTALL
    )
    holders, waiters = (query(gate.url, statement) for statement in block.strip().split("\n"))
    # Then they show both
    assert [(row["slot"], row["lane"]) for row in holders] == [(1, "normal")]
    assert [row["lane"] for row in waiters] == ["urgent"]
