"""The shape of the code: small modules named for what they hold, each saying what it is for."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source import Module, modules

CODE = ("muster", "stacks", "lambdas", "local", "bench", "ecs_listener", "app.py")
#: A module of this many lines is about more than one thing.
MOST_LINES = 300
MEDIAN_LINES = 80
VAGUE = re.compile(r"(^|_)(utils?|helpers?|common|misc|stuff|base|managers?)$")
#: Modules that may read the process environment, besides hosts, handlers and the command line's entry:
#: all others are handed what they need.
ENVIRONMENT_READERS = {"app.py", "muster/crashpoint.py"}
_SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|(CREATE|ALTER|DROP)\s+TABLE"
    r"|WITH\s+\w+\s+AS\s*\()",
    re.DOTALL,
)


def test_no_module_is_long_and_half_of_them_are_short():
    everything = modules(*CODE, "tests", tests=True)
    too_long = {m.name: m.lines() for m in everything if m.lines() > MOST_LINES}
    assert too_long == {}
    assert statistics.median(m.lines() for m in modules(*CODE)) < MEDIAN_LINES


def test_modules_are_named_for_what_they_hold():
    names = {m.name for m in modules(*CODE, "tests", tests=True) if VAGUE.search(m.path.stem)}
    assert names == set()


def test_what_is_public_says_what_it_is_for():
    silent = [
        f"{module.name}: {name}" for module in modules(*CODE) for name in _undocumented(module)
    ]
    assert silent == []


def test_only_entry_points_read_the_process_environment():
    readers = {
        m.name for m in modules("muster", "stacks", "lambdas", "app.py") if _reads_environ(m)
    }
    unexpected = {name for name in readers - ENVIRONMENT_READERS if not _is_entry(name)}
    assert unexpected == set()


def test_only_the_app_reads_context():
    readers = [
        module.name
        for module in modules(*CODE)
        if module.name != "app.py" and any(_is_context(node) for node in module.nodes())
    ]
    assert readers == []


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ('app.node.try_get_context("stage")', True),
        ('self.node.get_context("stage")', True),
        ('multiprocessing.get_context("spawn")', False),
    ],
)
def test_reading_context_is_told_from_its_namesakes(text: str, reads: bool):
    assert any(_is_context(node) for node in ast.walk(ast.parse(text))) == reads


def test_sql_lives_in_sql_files():
    statements = [
        f"{module.name}:{line}"
        for module in modules("muster", "lambdas")
        for line, text in _strings(module)
        if _SQL.match(text)
    ]
    assert statements == []


def _undocumented(module: Module) -> Iterator[str]:
    if ast.get_docstring(module.tree) is None:
        yield "the module itself"
    for node in module.tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if not node.name.startswith("_") and ast.get_docstring(node) is None:
            yield node.name


def _is_entry(name: str) -> bool:
    """Where a process begins: a handler, a host that composes one from its environment, the command."""
    return (
        name.startswith("lambdas/")
        or Path(name).stem.split("_")[-1] == "host"
        or name in {"muster/cli/main.py", "muster/cli/__main__.py"}
    )


def _reads_environ(module: Module) -> bool:
    return bool({"environ", "getenv", "environb"} & set(_attributes(module))) and any(
        found.module == "os" for found in module.imports()
    )


def _is_context(node: ast.AST) -> bool:
    """`try_get_context`, or `get_context` of a construct's node; multiprocessing has one of its own."""
    if not isinstance(node, ast.Attribute):
        return False
    of_node = isinstance(node.value, ast.Attribute) and node.value.attr == "node"
    return node.attr == "try_get_context" or (node.attr == "get_context" and of_node)


def _attributes(module: Module) -> Iterator[str]:
    for node in module.nodes():
        if isinstance(node, ast.Attribute):
            yield node.attr


def _strings(module: Module) -> Iterator[tuple[int, str]]:
    """String constants that are not docstrings; the literal parts of f-strings too."""
    docstrings = {
        id(node.body[0].value)
        for node in module.nodes()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in module.nodes():
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            yield node.lineno, node.value
