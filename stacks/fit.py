"""Whether manifests fit the stage they are deployed to: all that synth can know before it begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from muster.manifest import MANIFEST_FILE, Manifest, Problem
from stacks.config import Stage
from stacks.packaging import agent_folder, size_problems

#: How a manifest names a bucket in its permissions.
BUCKET_PERMISSION = "bucket:"


def misfits(stage: Stage, manifests: Sequence[Manifest]) -> list[str]:
    """What the stage lacks of what the manifests ask for, one sentence each."""
    problems = [str(problem) for manifest in manifests for problem in _misfits(stage, manifest)]
    return problems + size_problems(stage, {m.id: agent_folder(m) for m in manifests})


def bucket_names(permissions: Sequence[str]) -> list[str]:
    """Logical names of the buckets among permissions."""
    return [
        permission.removeprefix(BUCKET_PERMISSION)
        for permission in permissions
        if permission.startswith(BUCKET_PERMISSION)
    ]


def _misfits(stage: Stage, manifest: Manifest) -> Iterator[Problem]:
    file = str((manifest.folder or Path(manifest.id)) / MANIFEST_FILE)
    if manifest.architecture not in (None, stage.architecture):
        yield Problem(
            file=file,
            key="architecture",
            value=repr(manifest.architecture),
            cure=f"stage {stage.name} has layers for {stage.architecture}; leave the key out",
        )
    for key, permissions in (
        ("permissions.read", manifest.permissions.read),
        ("permissions.write", manifest.permissions.write),
    ):
        for name in bucket_names(permissions):
            if name not in stage.buckets:
                yield Problem(
                    file=file,
                    key=key,
                    value=repr(f"{BUCKET_PERMISSION}{name}"),
                    cure=f"stage {stage.name} has the buckets {', '.join(stage.buckets)}; "
                    "name one of them, or add it to `buckets` in stacks/config.py",
                )
