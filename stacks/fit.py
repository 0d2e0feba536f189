"""Whether manifests fit the stage they are deployed to: all that synth can know before it begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from muster.manifest import MANIFEST_FILE, Manifest, Problem, table_problems
from stacks.bucket_right import bucket_rights
from stacks.config import Stage
from stacks.packaging import agent_folder, size_problems
from stacks.s3_loops import loops

#: How the owner of an imported bucket switches its events on.
_SWITCH_ON = (
    "aws s3api put-bucket-notification-configuration --bucket {bucket} "
    "--notification-configuration '{{\"EventBridgeConfiguration\": {{}}}}'"
)


def misfits(stage: Stage, manifests: Sequence[Manifest]) -> list[str]:
    """What the stage lacks of what the manifests ask for, one sentence each."""
    problems = [str(problem) for manifest in manifests for problem in _misfits(stage, manifest)]
    problems += [str(problem) for problem in _loops(stage, manifests)]
    return problems + size_problems(stage, {m.id: agent_folder(m) for m in manifests})


def _misfits(stage: Stage, manifest: Manifest) -> Iterator[Problem]:
    file = _file(manifest)
    yield from table_problems(manifest)
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
        for right in bucket_rights(permissions):
            if right.bucket not in stage.buckets:
                yield Problem(file=file, key=key, value=repr(str(right)), cure=_known(stage))
    for number, trigger in enumerate(manifest.s3):
        key = f"s3[{number}].bucket"
        if trigger.bucket not in stage.buckets:
            yield Problem(file=file, key=key, value=repr(trigger.bucket), cure=_known(stage))
            continue
        imported = stage.buckets[trigger.bucket]
        if imported is not None and not imported.sends_events:
            yield Problem(
                file=file,
                key=key,
                value=repr(trigger.bucket),
                cure=f"its events must reach EventBridge: have the owner of {imported.name} run "
                f"`{_SWITCH_ON.format(bucket=imported.name)}` (it replaces what is configured there), "
                "then write sends_events=True at the bucket in stacks/config.py",
            )


def _loops(stage: Stage, manifests: Sequence[Manifest]) -> Iterator[Problem]:
    for manifest, way in loops(stage, manifests):
        others = f", by way of {', '.join(way[:-1])}" if len(way) > 1 else ""
        yield Problem(
            file=_file(manifest),
            key="s3",
            value=repr([f"{trigger.bucket}/{trigger.prefix}" for trigger in manifest.s3]),
            cure=f"what it writes would start it again without end{others}; let permissions.write name "
            "another bucket, or a part of this one that the prefix leaves out, such as "
            '"bucket:uploads/out/"',
        )


def _known(stage: Stage) -> str:
    return (
        f"stage {stage.name} has the buckets {', '.join(stage.buckets)}; "
        "name one of them, or add it to `buckets` in stacks/config.py"
    )


def _file(manifest: Manifest) -> str:
    return str((manifest.folder or Path(manifest.id)) / MANIFEST_FILE)
