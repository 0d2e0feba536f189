"""How tests are spread over processes: those that share a cloud stay in one, the rest go to who is free.

A deployed cloud costs half a minute of work to make, and is work to keep: its functions, its listeners and
its tick run, tests or not. So one process has it, and one other the cloud in which faults are played, since
those wait more than they work. Stages of AWS are synthesised once, in one process, too.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

#: The first of these that a test's file begins with is its group; those that take longest come first.
_GROUPS = (
    "tests/e2e/test_gameday.py",
    "tests/e2e/test_new_engineer.py",
    "tests/e2e/",
    "tests/infra/test_scale.py",
)
_SYNTHESISED = "tests/infra/"
#: Its tests synthesise by themselves, so each of them goes to who is free.
_SYNTHESISES = "tests/infra/test_app.py"


def group_of(nodeid: str) -> str:
    """The group of a test; the tests of one group run in one process, in their order."""
    for group in _GROUPS:
        if nodeid.startswith(group):
            return group
    if nodeid.startswith(_SYNTHESISED) and not nodeid.startswith(_SYNTHESISES):
        return _SYNTHESISED
    return nodeid


class ByCloud(LoadScopeScheduling):
    """Hands out one group after another."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
