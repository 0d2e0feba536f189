"""A job's own place on disk, and what it leaves elsewhere."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def job_folder(parent: Path | None = None) -> Generator[Path]:
    """A new folder with `home` and `tmp` in it, gone afterwards with all that was put there.

    Args:
        parent: where it is made; None: where temporary files go on this machine.
    """
    folder = Path(tempfile.mkdtemp(prefix="muster-job-", dir=parent))
    try:
        (folder / "home").mkdir()
        (folder / "tmp").mkdir()
        yield folder
    finally:
        remove(folder)


def remove(path: Path) -> None:
    """Remove a file or a tree, also one that was made to resist. What stays nobody could remove."""
    if path.is_symlink() or not path.is_dir():
        with suppress(FileNotFoundError):
            path.unlink()
        return
    with suppress(
        RecursionError
    ):  # it calls itself for each level, and a job may nest folders deeper
        shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        _dismantle(path)


def _dismantle(tree: Path) -> None:
    """Give every folder its rights back and move it to the top, where it is emptied: no way is too long."""
    waiting = [tree]
    while waiting:
        folder = waiting.pop()
        with suppress(OSError):
            folder.chmod(stat.S_IRWXU)
            for entry in [Path(found.path) for found in os.scandir(folder)]:
                if entry.is_symlink() or not entry.is_dir():
                    entry.unlink()
                    continue
                entry.chmod(stat.S_IRWXU)  # moving a folder writes into it
                waiting.append(entry.rename(tree / uuid4().hex))
            if folder != tree:
                folder.rmdir()
    with suppress(OSError):
        tree.rmdir()


class Sweep:
    """Removes what jobs left in a folder that belongs to this worker alone.

    What is there when this is made stays. Never use it on a folder that others share, such as the `/tmp` of
    a machine: everything new in it is removed, whoever made it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept = self._names()

    def sweep(self) -> None:
        """Remove everything new; call it while no job runs."""
        for name in self._names() - self._kept:
            remove(self._folder / name)

    def _names(self) -> set[str]:
        return {entry.name for entry in self._folder.iterdir()}
