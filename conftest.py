"""Fixtures for every test of the repository, those beside the agents included."""

from __future__ import annotations

import pytest

pytest_plugins = [
    "tests.support.cloud",
    "tests.support.deployed",
    "tests.support.emulator",
    "tests.support.postgres",
]

#: Folders whose tests share something costly, so that one process runs them all.
_TOGETHER = ("tests/infra", "tests/e2e")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say which tests belong together when several processes share the work (`-n 2`)."""
    for item in items:
        file = item.path.relative_to(config.rootpath).as_posix()
        folder = next((name for name in _TOGETHER if file.startswith(f"{name}/")), None)
        item.add_marker(pytest.mark.xdist_group(folder or file))
