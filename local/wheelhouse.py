"""Fills the wheelhouse: the wheels of every layer, downloaded once and checked by hash.

    python -m local.wheelhouse

Synth then builds layers without a network (`pip install --no-index --find-links <folder>`). There is
one folder for each place where functions run, named by its tag.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WHEELHOUSE = ROOT / ".muster" / "wheelhouse"

#: Folders whose subfolders are agents; each may have a requirements.txt of its own.
_AGENT_ROOTS = ("lambdas/agents", "local/agents")
_INDEX = "complete.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where functions run: which wheels fit there."""

    #: Name of its folder in the wheelhouse.
    tag: str
    #: pip's options that pick the wheels; none means this interpreter's own.
    options: tuple[str, ...] = ()


#: glibc versions whose wheels run on Amazon Linux 2023 (glibc 2.34).
_GLIBC_MINORS = (34, 31, 28, 27, 24, 17)

LOCAL = Target(tag="local")
LAMBDA_ARM64 = Target(
    tag="py314-aarch64",
    options=(
        *(f"--platform=manylinux_2_{minor}_aarch64" for minor in _GLIBC_MINORS),
        *("--platform=manylinux2014_aarch64", "--python-version=3.14", "--implementation=cp"),
    ),
)
TARGETS = (LOCAL, LAMBDA_ARM64)


def locks(root: Path = ROOT) -> list[Path]:
    """The hash-pinned requirements of the shared layer and of every agent that has its own."""
    own = [lock for agents in _AGENT_ROOTS for lock in root.glob(f"{agents}/*/requirements.txt")]
    return [root / "requirements" / "runtime.txt", *sorted(own)]


def fill(target: Target, wanted: list[Path], *, wheelhouse: Path = WHEELHOUSE) -> None:
    """Download what the locks name and this folder lacks; a lock already served costs nothing.

    Raises:
        subprocess.CalledProcessError: when pip fails; its own words are on stderr.
    """
    folder = wheelhouse / target.tag
    index = folder / _INDEX
    served = set[str](json.loads(index.read_text("utf-8"))) if index.exists() else set[str]()
    digests = {lock: _digest(lock, target) for lock in wanted}
    for lock in (lock for lock in wanted if digests[lock] not in served):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, *_download(lock, folder, target)], check=True)
    if set(digests.values()) != served:
        index.write_text(json.dumps(sorted(digests.values())), "utf-8")


def _download(lock: Path, folder: Path, target: Target) -> Iterator[str]:
    yield from ("-m", "pip", "download", "-qq", "--disable-pip-version-check")
    yield from ("--require-hashes", "--no-deps", "--only-binary=:all:")
    yield from (f"--dest={folder}", f"--requirement={lock}", *target.options)


def _digest(lock: Path, target: Target) -> str:
    """Names a lock's content for one target and one interpreter."""
    parts = (lock.read_bytes(), repr(target).encode(), sys.version.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def main() -> None:
    """Fill every target's folder."""
    for target in TARGETS:
        fill(target, locks())


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"The wheelhouse is incomplete (pip ended with {error.returncode}): see above.")
