"""Fixtures for every test of the repository, those beside the agents included."""

pytest_plugins = [
    "tests.support.cloud",
    "tests.support.deployed",
    "tests.support.emulator",
    "tests.support.postgres",
]
