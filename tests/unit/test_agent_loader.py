"""A folder with hyphens becomes a package, and its one marked function the agent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muster import Job
from muster.agent_loader import load_agent
from muster.errors import ConfigurationError

Write = Callable[..., Path]

AGENT = "from muster import agent\n\n@agent\ndef run(job):\n    return {'id': job.id}\n"


@pytest.fixture(autouse=True)
def forget_agents() -> Iterator[None]:
    """Leave no agent of one test imported for the next."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("muster_agents"):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write("sample-reader", **{"agent.py": ...})`: a folder with these files."""

    def make(name: str, files: dict[str, str], *, under: str = "agents") -> Path:
        folder = tmp_path / under / name
        for file, content in files.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
        return folder

    return make


def test_a_folder_with_hyphens_is_imported_as_a_package(write: Write):
    function = load_agent(write("sample-reader", {"agent.py": AGENT}))

    assert function(Job(id="j", params={})) == {"id": "j"}
    assert function.__module__ == "muster_agents.sample_reader.agent"


@pytest.mark.parametrize("init", [{}, {"__init__.py": "LOADED = True\n"}])
def test_relative_imports_inside_the_folder_work(init: dict[str, str], write: Write):
    # Given an agent in several files, with or without an __init__.py
    folder = write(
        "sample-reader",
        {
            **init,
            "agent.py": "from .parsing import parse\nfrom .formats.rss import NAME\n"
            + AGENT
            + "    \nrun.found = (parse(), NAME)\n",
            "parsing.py": "from . import formats\n\ndef parse():\n    return formats.rss.NAME\n",
            "formats/rss.py": "NAME = 'rss'\n",
            "formats/__init__.py": "from . import rss\n",
        },
    )

    assert load_agent(folder).found == ("rss", "rss")
    assert hasattr(sys.modules["muster_agents.sample_reader"], "LOADED") == bool(init)


def test_two_agents_with_files_of_the_same_name_do_not_meet(write: Write):
    files = {"agent.py": "from .settings import NAME\n" + AGENT + "\nrun.found = NAME\n"}

    functions = [
        load_agent(write(name, {**files, "settings.py": f"NAME = {name!r}\n"}))
        for name in ("one-agent", "two-agent")
    ]

    assert [function.found for function in functions] == ["one-agent", "two-agent"]


def test_a_folder_is_imported_once(write: Write):
    folder = write("sample-reader", {"agent.py": AGENT})

    assert load_agent(folder) is load_agent(folder)


def test_the_same_name_in_two_roots_is_refused(write: Write):
    load_agent(write("sample-reader", {"agent.py": AGENT}))
    other = write("sample-reader", {"agent.py": AGENT}, under="others")

    with pytest.raises(ConfigurationError, match="both muster_agents.sample_reader.*id of its own"):
        load_agent(other)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def run(job): ...", "found: none.*then @agent above it"),
        (AGENT + "\n@agent\ndef second(job): ...\n", "found: run, second"),
        (AGENT.replace("def run", "async def run"), "run is async.*asyncio.run"),
    ],
)
def test_none_two_or_an_async_one_are_refused(code: str, told: str, write: Write):
    with pytest.raises(ConfigurationError, match=told):
        load_agent(write("sample-reader", {"agent.py": code}))


def test_a_folder_without_agent_py_is_refused(write: Write):
    with pytest.raises(ConfigurationError, match=r"has no agent\.py"):
        load_agent(write("sample-reader", {"other.py": ""}))


@pytest.mark.parametrize(
    "more",
    [
        "\nalias = run\n",
        "\nclass Anything:\n    def __getattr__(self, name):\n        return True\nthing = Anything()\n",
        "\nimport functools\n\ndef plain(job): ...\n",
    ],
)
def test_what_only_looks_marked_does_not_count(more: str, write: Write):
    function = load_agent(write("sample-reader", {"agent.py": AGENT + more}))

    assert function.__qualname__ == "run"


def test_a_decorator_around_the_mark_is_kept(write: Write):
    code = """
        import functools
        from muster import agent

        def twice(function):
            @functools.wraps(function)
            def run_twice(job):
                return [function(job), function(job)]
            return run_twice

        @twice
        @agent
        def run(job):
            return job.id
    """.replace("\n        ", "\n")

    function = load_agent(write("sample-reader", {"agent.py": code}))

    assert function(Job(id="j", params={})) == ["j", "j"]


@pytest.mark.parametrize("file", ["agent.py", "__init__.py"])
def test_an_error_of_the_agents_own_code_comes_through_and_leaves_nothing(file: str, write: Write):
    # Given an agent that fails while it is imported
    folder = write("sample-reader", {"agent.py": AGENT, file: "raise RuntimeError('at import')"})
    with pytest.raises(RuntimeError, match="at import"):
        load_agent(folder)

    # When it is mended, then it loads in the same process
    (folder / file).write_text(AGENT if file == "agent.py" else "")
    assert load_agent(folder).__name__ == "run"
