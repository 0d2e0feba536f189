"""The validation of templates is remembered: what was found is told again, and anything new is looked at."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.infra.synthesis import ROOT

CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]
#: Who put a report into the folder: its version is told only where the engine is not asked.
REMEMBERED = "as remembered"
DIGEST, OTHER_DIGEST = "a1" * 32, "b2" * 32
#: SQS takes 12 hours at most.
TOO_LONG = 43_201


def synth(remembered: Path, folder: Path, *, visibility: int, digest: str = DIGEST) -> list[Any]:
    """Synthesise a queue that names a digest; what the validation reported."""
    from aws_cdk import App, CfnResource, Stack, Validations

    from stacks.remembered_validation import RememberedValidation

    app = App(outdir=str(folder), context=CONTEXT, builtin_cloud_formation_validation=False)
    Validations.of(app).add_plugins(RememberedValidation(remembered))
    queue = CfnResource(Stack(app, "stack"), "queue", type="AWS::SQS::Queue")
    queue.add_property_override("VisibilityTimeout", visibility)
    queue.add_property_override("QueueName", digest)
    with contextlib.suppress(RuntimeError):  # findings are its errors; the report tells them
        app.synth()
    reports = json.loads((folder / "validation-report.json").read_text())["pluginReports"]
    return [report for report in reports if report["pluginName"] == "CloudFormation Validate"]


@pytest.fixture
def remembered(tmp_path: Path) -> Path:
    """Where reports are kept."""
    return tmp_path / "remembered"


def mark(remembered: Path) -> str:
    """Write into the one report that is kept that it is; the version of the engine that made it."""
    [file] = remembered.glob("*.json")
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "version": REMEMBERED}))
    return kept["version"]


def unmarked(reports: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Reports without the version of who made them."""
    return [{k: v for k, v in report.items() if k != "pluginVersion"} for report in reports]


def test_what_was_found_is_told_again_and_another_template_is_looked_at(
    remembered: Path, tmp_path: Path
):
    # Given a template with a mistake, which the engine finds
    [found] = first = synth(remembered, tmp_path / "first", visibility=TOO_LONG)
    assert found["conclusion"] == "failure"
    assert "VisibilityTimeout" in json.dumps(found["violations"])
    engine = mark(remembered)
    # When the same comes again, but for a digest / Then the same is told, without the engine
    again = synth(remembered, tmp_path / "again", visibility=TOO_LONG, digest=OTHER_DIGEST)
    assert [report["pluginVersion"] for report in again] == [REMEMBERED]
    assert unmarked(again) == unmarked(first)
    # And when the mistake is mended, the engine looks, and finds nothing
    assert synth(remembered, tmp_path / "mended", visibility=30) == []
    kept = [json.loads(file.read_text()) for file in remembered.glob("*.json")]
    assert [one["version"] for one in kept if one["success"]] == [engine]
    assert [one["version"] for one in kept if not one["success"]] == [REMEMBERED]


def test_a_folder_that_cannot_be_written_to_costs_time_and_no_finding(tmp_path: Path):
    # Given a file where reports would be kept
    remembered = tmp_path / "file"
    remembered.write_text("")
    # When a template with a mistake is validated / Then it is found
    [found] = synth(remembered, tmp_path / "out", visibility=TOO_LONG)
    assert found["conclusion"] == "failure"
