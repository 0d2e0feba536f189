"""Fills the wheelhouse: the wheels of every layer, downloaded once and checked by hash.

    python -m local.wheelhouse

Synth then builds layers without a network (`pip install --no-index --find-links <folder>`). There is
one folder for each place where functions run, named by its tag.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

    def fits(self) -> str:
        """Names the interpreter whose wheels these are; another name means other wheels."""
        return " ".join(self.options) or f"{sys.implementation.cache_tag} {platform.machine()}"


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


def fill(
    target: Target,
    wanted: list[Path],
    *,
    wheelhouse: Path = WHEELHOUSE,
    download: Callable[[Path, Path, Target], None] | None = None,
) -> None:
    """Download what the locks name and this folder lacks; a lock already served costs nothing.

    Args:
        target: whose wheels.
        wanted: hash-pinned locks.
        wheelhouse: the folder above all targets' folders.
        download: brings one lock's wheels into a folder; pip unless said otherwise.

    Raises:
        subprocess.CalledProcessError: when pip fails; its own words are on stderr.
    """
    folder = wheelhouse / target.tag
    index = folder / _INDEX
    before: dict[str, Any] = json.loads(index.read_text("utf-8")) if index.exists() else {}
    if before.get("fits") != target.fits():
        # Wheels of another interpreter must not lie beside this one's: a layer could take either.
        shutil.rmtree(folder, ignore_errors=True)
        before = {}
    folder.mkdir(parents=True, exist_ok=True)
    digests = {lock: hashlib.sha256(lock.read_bytes()).hexdigest() for lock in wanted}
    for lock in (lock for lock in wanted if digests[lock] not in before.get("locks", [])):
        (download or pip_download)(lock, folder, target)
    after = {"fits": target.fits(), "locks": sorted(digests.values())}
    index.write_text(json.dumps(after), "utf-8")


def pip_download(lock: Path, folder: Path, target: Target) -> None:
    """Have pip download a lock's wheels, from wherever it is configured to, and check their hashes."""
    command = [
        *(sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--only-binary=:all:"),
        *(f"--dest={folder}", f"--requirement={lock}", *target.options),
    ]
    subprocess.run(command, check=True)


def main() -> None:
    """Fill every target's folder."""
    for target in TARGETS:
        fill(target, locks())


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"The wheelhouse is incomplete (pip ended with {error.returncode}): see above.")
