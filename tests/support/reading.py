"""How processes that share the tests read them: each its own part first, then what the others have compiled.

Every process reads all tests. Going through them side by side, each would rewrite the assertions of every
file, which is most of the work in a fresh clone.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Sequence
from pathlib import Path


def read_own_part(root: Path, places: Sequence[str], *, number: int, of: int) -> None:
    """Import the tests that are this process's part; Python keeps what pytest made of them.

    Args:
        root: of the checkout.
        places: that are collected, as paths from there.
        number: of this process, from 0.
        of: processes.
    """
    for name in own_part(names_of(root, places), number=number, of=of):
        with contextlib.suppress(Exception):  # collecting tells of what cannot be imported
            importlib.import_module(name)


def own_part(names: Sequence[str], *, number: int, of: int) -> Sequence[str]:
    """One of so many parts: neighbours stay together, since they import the same."""
    return names[len(names) * number // of : len(names) * (number + 1) // of]


def names_of(root: Path, places: Sequence[str]) -> list[str]:
    """The modules of tests below places; those in folders that no import can name are left out."""
    paths = (
        path.relative_to(root) for place in places for path in (root / place).rglob("test_*.py")
    )
    parts = sorted(path.with_suffix("").parts for path in paths)
    return [".".join(part) for part in parts if all(name.isidentifier() for name in part)]
