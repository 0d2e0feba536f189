"""Runs the scanners of templates, and prints what they found as JSON.

    .muster/gates/bin/python tests/support/scan.py [--core] TEMPLATE...

It runs in an environment of its own, without Muster and without its tests; `tests/support/scanners.py` calls
it. Neither scanner asks the network.

* checkov: every rule for CloudFormation that it ships.
* cfn-lint: AWS's rules for serverless applications; with `--core` its own rules instead.
"""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

#: What the templates' own maker does not care for: an order that references imply is said all the same.
_NOT_ASKED = ["W3005"]
_REGION = "us-east-1"


def checkov(files: list[str]) -> Iterator[dict[str, str]]:
    """What checkov refuses."""
    from checkov.cloudformation.runner import Runner
    from checkov.runner_filter import RunnerFilter

    report = Runner().run(
        root_folder=None,
        files=files,
        runner_filter=RunnerFilter(framework=["cloudformation"], show_progress_bar=False),
    )
    if report.parsing_errors:
        raise SystemExit(f"checkov could not read {report.parsing_errors}")
    for found in report.failed_checks:
        yield {
            "rule": found.check_id,
            "file": found.file_abs_path,
            "resource": found.resource.rpartition(".")[2],
            "says": found.check_name,
        }


def serverless(files: list[str]) -> Iterator[dict[str, str]]:
    """What AWS's rules for serverless applications refuse; of cfn-lint they take the parser alone."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.decode import decode
    from cfnlint.rules import Rules
    from cfnlint.template import Template

    rules = Rules.create_from_module("cfn_lint_serverless.rules")
    for file in files:
        template, unreadable = decode(file)
        if template is None:
            raise SystemExit(f"cfn-lint could not read {file}: {unreadable}")
        yield from map(_linted, rules.run(file, Template(file, template, [_REGION]), ConfigMixIn()))


def core(files: list[str]) -> Iterator[dict[str, str]]:
    """What cfn-lint's own rules refuse."""
    from cfnlint.config import ConfigMixIn, ManualArgs
    from cfnlint.runner import Runner

    arguments = ManualArgs(templates=files, ignore_checks=_NOT_ASKED, regions=[_REGION])
    yield from map(_linted, Runner(ConfigMixIn(**arguments)).run())


def _linted(match: Any) -> dict[str, str]:
    path = [str(part) for part in match.path or ()]
    return {
        "rule": match.rule.id,
        "file": match.filename,
        "resource": path[1] if path[:1] == ["Resources"] else "",
        "says": match.message,
    }


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    gc.disable()  # templates stay until the end: to look for garbage among them is a fifth of a scan
    asked = sys.argv[1:]
    scanners = (core,) if "--core" in asked else (checkov, serverless)
    templates = [argument for argument in asked if argument != "--core"]
    json.dump([found for scanner in scanners for found in scanner(templates)], sys.stdout)
