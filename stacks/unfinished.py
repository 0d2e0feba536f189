"""Tells a synth that was killed, whose half-written assets would be taken for whole."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

#: In the assembly's folder while it is written.
MARK = "unfinished"


@contextmanager
def begun(assembly: Path) -> Generator[None]:
    """Inside the block this folder of an assembly is written; it is whole when the block has ended well.

    The CDK takes an asset's folder that exists for one that has been staged, whatever is in it. So what a
    synth that did not come to its end has staged is staged anew.
    """
    mark = assembly / MARK
    if mark.exists():
        for staged in assembly.glob("asset.*"):
            shutil.rmtree(staged) if staged.is_dir() else staged.unlink()
    mark.touch()
    yield
    mark.unlink()
