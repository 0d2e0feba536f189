"""What a job leaves to its worker is no burden for the jobs after it: processes, folders, too many rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muster.isolation.folder import Sweep
from muster.isolation.processes import children
from tests.integration.isolation.conftest import Isolate

DEEP = """
os.chdir(os.environ["TMPDIR"])
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
pathlib.Path("file").write_text("deep down")
os.chmod(".", 0)
return "done"
"""


class ManyRows:
    """A table of more than a job's process is told at once."""

    def run(self, name: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All of it; other statements return little."""
        return [("x" * (33 << 20) if name == "all" else "x",)]


def test_a_job_that_killed_its_guard_leaves_no_dead_children_either(isolate: Isolate):
    # Given a job whose child has children, and that kills whoever would bury them
    agent = isolate(
        """
        if os.fork() == 0:
            for _ in range(3): os.fork()
            time.sleep(60)
        time.sleep(0.2)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
        """
    )
    before = children()
    # When it is called
    agent.call()
    # Then this process has no more children than before, dead ones included
    assert children() == before


def test_folders_that_are_nested_without_end_are_removed(isolate: Isolate):
    # Given a job that nests folders deeper than removing them may call itself
    # When it ends / Then it ended well, and the worker can go on: the fixture looks for what is left
    assert isolate(DEEP).call().result == "done"


def test_what_is_nested_without_end_is_swept(isolate: Isolate, tmp_path: Path):
    # Given a folder of the worker's own in which a job does so
    own = tmp_path / "own"
    own.mkdir()
    sweep = Sweep(own)
    agent = isolate(DEEP.replace('os.environ["TMPDIR"]', repr(str(own))))
    assert agent.call().result == "done"
    # When it is swept / Then it is as it was
    sweep.sweep()
    assert list(own.iterdir()) == []


def test_more_rows_than_fit_are_the_statements_fault_and_the_job_is_told(isolate: Isolate):
    # Given a job that reads a large table at once, and then less
    agent = isolate(
        """
        try: job.database.run("all")
        except PermanentError as error: return [error.code, str(error), job.database.run("some")]
        """
    )
    # When it runs
    ended = agent.call(database=ManyRows())
    # Then it learns what to change, and lives
    assert ended.error is None
    code, told, rows = ended.result
    assert (code, rows) == ("statement_result", [["x"]])
    assert "LIMIT" in told
