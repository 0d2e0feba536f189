"""The container image of listeners: one for all agents, and one more for each with packages of its own."""

from __future__ import annotations

from aws_cdk import IgnoreMode
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_ecs as ecs

from stacks.config import Stage
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
