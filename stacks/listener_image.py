"""The container image of listeners: one for all agents, and one more for each with packages of its own.

    python -m stacks.listener_image FOLDER

fills a folder with what the image is built from; `make image` builds it there.
"""

from __future__ import annotations

import sys

from aws_cdk import CopyOptions, FileSystem, IgnoreMode
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_ecs as ecs

from stacks.config import STAGES, Stage
from stacks.packaging import ROOT, RUNTIME_LOCK, code_patterns

DOCKERFILE = "ecs_listener/Dockerfile"

#: Build argument of the Dockerfile: the lock of an agent's own packages, as a path in the build's folder.
OWN_LOCK = "AGENT_REQUIREMENTS"


def listener_image(stage: Stage, folder: str) -> ecs.ContainerImage:
    """The image in which the agent of `folder` runs; synth needs no Docker, the deploy builds it."""
    if stage.containers.image is not None:
        return ecs.ContainerImage.from_registry(stage.containers.image)
    own = own_lock(folder)
    return ecs.ContainerImage.from_asset(
        str(ROOT),
        file=DOCKERFILE,
        exclude=image_patterns(stage, folder),
        ignore_mode=IgnoreMode.GIT,
        platform=assets.Platform.LINUX_ARM64
        if stage.architecture == "arm64"
        else assets.Platform.LINUX_AMD64,
        build_args={OWN_LOCK: own} if own else None,
    )


def fill_context(stage: Stage, folder: str, target: str) -> None:
    """Copy into `target` what the image for the agent of `folder` is built from."""
    options = CopyOptions(exclude=image_patterns(stage, folder), ignore_mode=IgnoreMode.GIT)
    FileSystem.copy_directory(str(ROOT), target, options)


def image_patterns(stage: Stage, folder: str) -> list[str]:
    """Ignore patterns, in git's syntax, that leave what the Dockerfile copies."""
    shared = RUNTIME_LOCK.relative_to(ROOT)
    own = own_lock(folder)
    return [
        *code_patterns(stage),
        "!/ecs_listener",
        f"!/{shared.parent}",
        f"/{shared.parent}/*",
        f"!/{shared}",
        *([f"!/{own}"] if own else []),
    ]


def own_lock(folder: str) -> str | None:
    """The lock of an agent's own packages; None when it has none."""
    lock = ROOT / folder / "requirements.txt"
    return lock.relative_to(ROOT).as_posix() if lock.is_file() else None


if __name__ == "__main__":
    fill_context(STAGES["dev"], "ecs_listener", sys.argv[1])
