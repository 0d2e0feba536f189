"""What goes into an asset and into a layer; nothing else decides that.

First-party code is one asset for all functions. It is taken from the repository by a filter whose patterns
are anchored: an unanchored one selects nothing, and says nothing about it.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

import jsii
from aws_cdk import (
    AssetHashType,
    BundlingOptions,
    DockerImage,
    FileSystem,
    IgnoreMode,
    ILocalBundling,
)
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from muster.errors import ConfigurationError
from muster.manifest import Manifest
from stacks.config import Stage
from stacks.sdk import carried
from stacks.wheels import find_wheels, unpack, unpacked_bytes

ROOT = Path(__file__).resolve().parent.parent

#: Third-party packages that every function gets.
RUNTIME_LOCK = ROOT / "requirements" / "runtime.txt"

#: Lambda's limit for a function and its layers together, unpacked.
MAX_UNPACKED_BYTES = 250 * 1024 * 1024

#: Raise it when the way a layer is built changes: it is part of the layer's hash.
BUILDER_VERSION = 2

#: Python of the deployed functions.
RUNTIME = lambda_.Runtime.PYTHON_3_14

_NEVER = (
    ".*",
    "__pycache__",
    "*.pyc",
    "tests",
    "test_*.py",
    "requirements.txt",
    "requirements.in",
    "/muster/cli",  # the command line runs on people's machines; a change there deploys nothing
)


def code_patterns(stage: Stage) -> list[str]:
    """Ignore patterns, in git's syntax, that leave the first-party code of a stage."""
    roots = ("muster", "lambdas", *stage.agent_roots)
    outer = [r for r in roots if not any(r.startswith(f"{other}/") for other in roots)]
    patterns = ["/*"]
    for root in dict.fromkeys(outer):
        parts = root.split("/")
        for depth in range(1, len(parts)):
            folder = "/" + "/".join(parts[:depth])
            if f"!{folder}" not in patterns:
                patterns += [f"!{folder}", f"{folder}/*"]
        patterns.append(f"!/{root}")
    return [*patterns, *_NEVER]


def runtime_code(stage: Stage) -> lambda_.AssetCode:
    """The one first-party asset. A function, since an asset object belongs to one stack only."""
    return lambda_.Code.from_asset(
        str(ROOT), exclude=code_patterns(stage), ignore_mode=IgnoreMode.GIT
    )


def code_version(stage: Stage) -> str:
    """Digest of the first-party code, as it is written to every execution."""
    digest = FileSystem.fingerprint(
        str(ROOT), exclude=code_patterns(stage), ignore_mode=IgnoreMode.GIT
    )
    return digest[:16]


def agent_folder(manifest: Manifest) -> str:
    """Folder of an agent inside the asset, e.g. `lambdas/agents/document-profile`.

    Raises:
        ConfigurationError: the manifest was not read from a folder of this repository.
    """
    folder = manifest.folder.resolve() if manifest.folder is not None else None
    if folder is None or not folder.is_relative_to(ROOT):
        raise ConfigurationError(f"agent {manifest.id}: {folder} is not a folder of {ROOT}")
    return folder.relative_to(ROOT).as_posix()


def dependency_layer(scope: Construct, stage: Stage) -> lambda_.LayerVersion:
    """The layer of third-party packages that all functions of a stack share."""
    return _layer(scope, "Dependencies", stage, RUNTIME_LOCK)


def agent_layer(scope: Construct, stage: Stage, folder: str) -> lambda_.LayerVersion | None:
    """The layer of an agent that has a `requirements.txt` of its own, else None."""
    lock = ROOT / folder / "requirements.txt"
    return _layer(scope, "OwnDependencies", stage, lock) if lock.is_file() else None


def size_problems(stage: Stage, folders: Mapping[str, str]) -> list[str]:
    """Agents (id to folder) that Lambda would refuse for their size, and wheels that are missing."""
    try:
        shared = _wheels_bytes(stage, RUNTIME_LOCK)
    except ConfigurationError as error:
        return [str(error)]
    problems: list[str] = []
    for agent_id, folder in sorted(folders.items()):
        lock = ROOT / folder / "requirements.txt"
        if not lock.is_file():
            continue
        try:
            own = _wheels_bytes(stage, lock)
        except ConfigurationError as error:
            problems.append(str(error))
            continue
        if shared + own > MAX_UNPACKED_BYTES:
            problems.append(
                f"{lock}: agent {agent_id} unpacks to {_mib(shared + own)} MiB with the shared layer; "
                f'Lambda takes {_mib(MAX_UNPACKED_BYTES)} MiB. Use compute = "fargate", or fewer packages'
            )
    return problems


def _layer(scope: Construct, id_: str, stage: Stage, lock: Path) -> lambda_.LayerVersion:
    return lambda_.LayerVersion(
        scope,
        id_,
        description=f"Packages of {lock.relative_to(ROOT)}",
        code=lambda_.Code.from_asset(
            str(lock.parent),
            asset_hash=_layer_hash(stage, lock),
            asset_hash_type=AssetHashType.CUSTOM,
            bundling=BundlingOptions(
                # Never pulled: the local bundler below always answers.
                image=DockerImage.from_registry("public.ecr.aws/lambda/python:3.14"),
                local=_WheelBundle(stage, lock),
            ),
        ),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[architecture(stage)],
    )


def architecture(stage: Stage) -> lambda_.Architecture:
    """The processor that a stage's functions run on."""
    return (
        lambda_.Architecture.ARM_64
        if stage.architecture == "arm64"
        else lambda_.Architecture.X86_64
    )


def _wheels(stage: Stage, lock: Path) -> list[Path]:
    wheelhouse = ROOT / ".muster" / "wheelhouse" / stage.wheelhouse
    return find_wheels(lock, wheelhouse=wheelhouse, environment=_environment(stage))


def _wheels_bytes(stage: Stage, lock: Path) -> int:
    return unpacked_bytes(_wheels(stage, lock))


def _mib(size: int) -> int:
    return round(size / 2**20)


def _environment(stage: Stage) -> dict[str, str]:
    """What a requirement's marker may ask about the machine that the functions run on."""
    local = stage.wheelhouse == "local"
    version = f"{sys.version_info.major}.{sys.version_info.minor}" if local else "3.14"
    machine = {"arm64": "aarch64"}.get(stage.architecture, stage.architecture)
    return {
        "python_version": version,
        "python_full_version": platform.python_version() if local else "3.14.0",
        "sys_platform": sys.platform if local else "linux",
        "platform_system": platform.system() if local else "Linux",
        "platform_machine": platform.machine() if local else machine,
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }


def _layer_hash(stage: Stage, lock: Path) -> str:
    environment = _environment(stage)
    parts = [
        f"builder {BUILDER_VERSION}",
        environment["python_version"],
        environment["sys_platform"],
        environment["platform_machine"],
        stage.wheelhouse,
        lock.read_text(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@jsii.implements(ILocalBundling)
class _WheelBundle:
    """Builds a layer from the wheelhouse instead of in Docker."""

    def __init__(self, stage: Stage, lock: Path) -> None:
        self._stage = stage
        self._lock = lock

    def try_bundle(self, output_dir: str, *_: object, **__: object) -> bool:
        """Fill the folder that becomes the layer; raises ConfigurationError for a missing wheel."""
        target = Path(output_dir) / "python"
        if self._lock == RUNTIME_LOCK:
            unpack(_wheels(self._stage, self._lock), target=target, wanted=carried)
        else:
            unpack(_wheels(self._stage, self._lock), target=target)
        return True
