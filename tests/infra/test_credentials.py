"""No credential is in a template."""

from __future__ import annotations

from tests.infra.synthesis import Synthesis
from tests.support.credentials import suspects


def test_no_template_holds_a_credential(each: Synthesis):
    # Digests are names of assets and of code; what is kept here is nothing but what the detectors call keys.
    found = suspects({file.name: file.read_text() for file in each.template_files})
    assert {s for s in found if "High Entropy" not in s.kind} == set()
