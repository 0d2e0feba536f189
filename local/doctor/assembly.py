"""What the last synth of a stage left in `cdk.out`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.doctor.version import Version, parse_version

#: Where `make synth` and `npx cdk` put it.
FOLDER = "cdk.out"
_MANIFEST = "manifest.json"
_STACK = "aws:cloudformation:stack"
_RULE = "AWS::Events::Rule"
#: What a synth reads, below the checkout's root.
_SOURCES = ("app.py", "cdk.json", "stacks", "muster", "lambdas", "ecs_listener")
_SOURCE_TYPES = {".py", ".toml", ".sql", ".json", ".txt", ".in", ".pem", ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class Assembly:
    """A synthesised stage."""

    #: The oldest CDK CLI that can deploy it.
    least_cdk: Version | None
    #: The oldest bootstrap that it can be deployed to.
    least_bootstrap: int
    #: SSM parameter with the version of an account's bootstrap.
    bootstrap_parameter: str
    #: Container images that a deploy builds.
    images: tuple[str, ...]
    #: Rules on the default event bus.
    rules: int
    #: A file of the checkout that is newer than it; None: it is what the checkout says.
    outdated_by: str | None

    @classmethod
    def read(cls, root: Path, *, stage: str) -> Self | None:
        """The last synth of the stage in the checkout `root`; None when the last was of no or another one."""
        folder = root / FOLDER
        manifest = folder / _MANIFEST
        try:
            document: dict[str, Any] = json.loads(manifest.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        artifacts: Mapping[str, Any] = document.get("artifacts", {})
        stacks = {
            name: artifact["properties"]
            for name, artifact in artifacts.items()
            if artifact["type"] == _STACK and name.startswith(f"muster-{stage}-")
        }
        if not stacks:
            return None
        least = parse_version(document.get("minimumCliVersion", ""))
        any_of_them: Mapping[str, Any] = next(iter(stacks.values()))
        return cls(
            least_cdk=least,
            least_bootstrap=max(s.get("requiresBootstrapStackVersion", 0) for s in stacks.values()),
            bootstrap_parameter=any_of_them["bootstrapStackVersionSsmParameter"],
            images=tuple(sorted(set(_images(folder, artifacts)))),
            rules=sum(_rules(folder / s["templateFile"]) for s in stacks.values()),
            outdated_by=_newer(root, than=manifest.stat().st_mtime),
        )


def _images(folder: Path, artifacts: Mapping[str, Any]) -> Iterator[str]:
    for artifact in artifacts.values():
        if artifact["type"] == "cdk:asset-manifest":
            assets = json.loads((folder / artifact["properties"]["file"]).read_text("utf-8"))
            for asset in assets.get("dockerImages", {}).values():
                yield str(asset.get("displayName", "an image")).partition("/")[0]


def _rules(template: Path) -> int:
    resources: Mapping[str, Any] = json.loads(template.read_text("utf-8")).get("Resources", {})
    return sum(
        resource["Type"] == _RULE and "EventBusName" not in resource.get("Properties", {})
        for resource in resources.values()
    )


def _newer(root: Path, *, than: float) -> str | None:
    for source in _SOURCES:
        path = root / source
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            inside = "__pycache__" in file.parts or file.suffix not in _SOURCE_TYPES
            if not inside and file.is_file() and file.stat().st_mtime > than:
                return file.relative_to(root).as_posix()
    return None
