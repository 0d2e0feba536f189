"""What checkov and cfn-lint find is mended, or accepted on one resource for a reason; nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.config import STAGES
from tests.infra.synthesis import Synthesis
from tests.support.scanners import Found, scan

pytestmark = pytest.mark.slow


def accepted(synthesis: Synthesis) -> set[tuple[str, str]]:
    """Every acknowledgement of a scanner's finding: its rule, and the path of the one resource."""
    from stacks.acknowledgement import SCANNED

    resources = set(paths(synthesis).values())

    def one_of(construct: str) -> str:
        (path,) = resources & {construct, f"{construct}/Resource", f"{construct}/Default"}
        return path

    return {
        (rule, one_of(construct))
        for construct, reasons in synthesis.metadata(SCANNED)
        for rule in reasons
    }


def paths(synthesis: Synthesis) -> dict[tuple[Path, str], str]:
    """Where in the tree each resource of each template comes from."""
    return {
        (file, id_): body["Metadata"]["aws:cdk:path"]
        for file in synthesis.template_files
        for id_, body in json.loads(file.read_text())["Resources"].items()
        if "aws:cdk:path" in body.get("Metadata", {})
    }


@pytest.fixture(scope="session")
def scanned(synthesised: Callable[[str], Synthesis]) -> list[Found]:
    """What the scanners found in every stage: they are started once, which is most of what they take."""
    return scan([file for name in STAGES for file in synthesised(name).template_files])


def test_scanners_find_what_is_acknowledged_and_nothing_else(each: Synthesis, scanned: list[Found]):
    # Given what the scanners found in a stage, and what its resources acknowledge
    known = paths(each)
    found = {
        (finding.rule, known.get((finding.file, finding.resource), finding.says))
        for finding in scanned
        if finding.file in each.template_files
    }
    # Then each finding is acknowledged, and each acknowledgement is needed: without it, this would fail
    assert found - accepted(each) == set()
    assert accepted(each) - found == set()
    assert {rule.rstrip("0123456789") for rule, _ in found} >= {"CKV_AWS_", "WS", "ES"}


def test_cfn_lint_itself_finds_nothing_in_what_goes_to_production(
    synthesised: Callable[[str], Synthesis],
):
    # The other stages are checked by the validation in each synth, which has the same rules, and is quick.
    assert scan(synthesised("prod").template_files, core=True) == []


def test_the_scanners_find_what_is_wrong(tmp_path: Path):
    # Given a queue, a function and a database as nobody should make them
    template = tmp_path / "bad.template.json"
    resources = {
        "Open": {
            "Type": "AWS::Lambda::Url",
            "Properties": {"AuthType": "NONE", "TargetFunctionArn": "arn:aws:lambda:x"},
        },
        "Unlogged": {"Type": "AWS::S3::Bucket", "Properties": {"AccessControl": "PublicRead"}},
        "Untraced": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Code": {"ZipFile": "x"}, "Role": "arn:aws:iam::1:role/x"},
        },
    }
    template.write_text(json.dumps({"Resources": resources}))
    # When they are scanned
    found = {(finding.rule, finding.resource) for finding in scan([template])}
    own = {(finding.rule, finding.resource) for finding in scan([template], core=True)}
    # Then each scanner says what is wrong, and where
    assert ("CKV_AWS_258", "Open") in found
    assert ("CKV_AWS_20", "Unlogged") in found
    assert ("WS1000", "Untraced") in found
    assert any(rule.startswith("E") and resource == "Untraced" for rule, resource in own)
