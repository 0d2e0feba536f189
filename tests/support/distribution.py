"""How tests are spread over processes: those that share a cloud stay in one, the rest go to who is free.

A deployed cloud costs a quarter of a minute of work to make, and is work to keep: its functions, its
listeners and its tick run, tests or not. So one process has it, and one other the cloud in which faults are
played, since those wait more than they work; some more tests are there, so that neither of the two takes
much longer than the other. Stages of AWS are synthesised once, in one process, too, and the source is read
by one. Groups are handed out before the rest, the largest first; the types are one, since at the end of a run
they would be a minute in which the other processes have nothing to do.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

#: Groups by how the tests' files begin; the first that fits. Any other test is a group of its own.
_GROUPS = {
    "tests/e2e/test_deploy_workflow.py": "a cloud with faults",
    "tests/e2e/test_gameday.py": "a cloud with faults",
    "tests/e2e/test_isolation.py": "a cloud with faults",
    "tests/e2e/test_lanes.py": "a cloud with faults",
    "tests/e2e/test_outbound_agents.py": "a cloud with faults",
    "tests/e2e/test_webhooks.py": "a cloud with faults",
    "tests/e2e/test_new_engineer.py": "a clone",
    "tests/e2e/": "a cloud",
    "tests/infra/test_scale.py": "two hundred agents",
    "tests/infra/test_app.py": "two synths",
    "tests/infra/": "stages",
    "tests/integration/test_types.py": "types",
    "tests/unit/test_import_boundaries.py": "the source",
    "tests/unit/test_module_shape.py": "the source",
    "tests/unit/test_traceability.py": "the source",
}


def group_of(nodeid: str) -> str:
    """The group of a test; the tests of one group run in one process, in their order."""
    fitting = (group for start, group in _GROUPS.items() if nodeid.startswith(start))
    return next(fitting, nodeid)


class ByCloud(LoadScopeScheduling):
    """Hands out one group after another."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
