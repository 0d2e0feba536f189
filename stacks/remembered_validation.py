"""The validation of templates, done once for the same templates: its engine takes half of a synth to start.

The engine is asked again when a template, its account or region, or the CDK's version is another. Which
digest an asset has is nothing to its rules, so changed code alone does not start it. What it found last time
is told again, whether that was nothing or not.
"""

# jsii's interfaces name their members as Node.js does.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import (
    CloudFormationValidatePlugin,
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
)

#: Digests of code and of layers: in names of objects, and as the version of the code.
_DIGEST = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{16})(?![0-9a-f])")
#: Reports that are kept: one for each stage, and for each of the last changes.
_MOST = 50


@jsii.implements(IPolicyValidationPlugin)
class RememberedValidation:
    """The CDK's own validation of templates, with its reports kept in a folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` may be absent, or closed to us: then the engine is asked each time."""
        self._folder = folder
        self._version = ""

    @property
    def name(self) -> str:
        """The name in reports, and of what is acknowledged."""
        return CloudFormationValidatePlugin.PLUGIN_NAME

    @property
    def version(self) -> str:
        """The engine's."""
        return self._version

    @jsii.member(jsii_name="validate")
    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """What the engine finds, or found."""
        file = self._folder / f"{_key(context)}.json"
        try:
            kept = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            kept = self._ask(context)
            with contextlib.suppress(OSError):  # it is only faster
                self._keep(file, kept)
        self._version = kept["version"]
        return _report(kept, Path(context.template_paths[0]).parent)

    def _ask(self, context: IPolicyValidationContext) -> dict[str, Any]:
        return _kept(_engine().validate(context), _engine().version)

    def _keep(self, file: Path, kept: Mapping[str, Any]) -> None:
        self._folder.mkdir(exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(kept), "utf-8")
        draft.replace(file)
        by_age = sorted(self._folder.glob("*.json"), key=lambda path: -path.stat().st_mtime)
        for old in by_age[_MOST:]:
            old.unlink(missing_ok=True)


@functools.cache
def _engine() -> CloudFormationValidatePlugin:
    """The process's one: to make it compiles every rule, which takes seconds each time."""
    return CloudFormationValidatePlugin()


def _key(context: IPolicyValidationContext) -> str:
    digest = hashlib.sha256(version("aws-cdk-lib").encode())
    for part in _parts(context):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _parts(context: IPolicyValidationContext) -> Iterator[bytes]:
    for stack in context.stack_templates:
        path = Path(stack.template_path)
        place = (stack.stack_construct_path, path.name, stack.account_id, stack.region)
        yield json.dumps(place).encode()
        yield _DIGEST.sub(b"", path.read_bytes())


def _kept(report: PolicyValidationPluginReport, version: str | None) -> dict[str, Any]:
    return {
        "version": version,
        "success": report.success,
        "violations": [
            {
                "rule_name": found.rule_name,
                "description": found.description,
                "severity": found.severity,
                "fix": found.fix,
                "rule_metadata": found.rule_metadata,
                "violating_resources": [
                    {
                        "resource_logical_id": resource.resource_logical_id,
                        "construct_path": resource.construct_path,
                        "locations": resource.locations,
                        "template_path": Path(resource.template_path or "").name,
                    }
                    for resource in found.violating_resources
                ],
            }
            for found in report.violations
        ],
    }


def _report(kept: Mapping[str, Any], folder: Path) -> PolicyValidationPluginReport:
    def resource(told: Mapping[str, Any]) -> PolicyViolatingResource:
        return PolicyViolatingResource(
            resource_logical_id=told["resource_logical_id"],
            construct_path=told["construct_path"],
            locations=told["locations"],
            template_path=str(folder / told["template_path"]),
        )

    return PolicyValidationPluginReport(
        success=kept["success"],
        violations=[
            PolicyViolation(
                rule_name=found["rule_name"],
                description=found["description"],
                severity=found["severity"],
                fix=found["fix"],
                rule_metadata=found["rule_metadata"],
                violating_resources=[resource(told) for told in found["violating_resources"]],
            )
            for found in kept["violations"]
        ],
    )
