"""The repository's own source as data, for the tests that hold its design."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that is, or with the next commit may be, part of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode("utf-8").split("\0")
    return tuple(ROOT / name for name in sorted(names) if name and (ROOT / name).is_file())


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """One imported module, absolute: `from muster import Job` is `muster` with the name `Job`."""

    module: str
    names: tuple[str, ...]
    line: int
    #: Executed when the module is imported; false inside a function or under TYPE_CHECKING.
    eager: bool

    def within(self, *packages: str) -> bool:
        """Whether it is one of the packages or lies inside one."""
        return any(self.module == name or self.module.startswith(f"{name}.") for name in packages)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Module:
    """One Python file; read once, so equal only to itself."""

    path: Path
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its path from the repository's root."""
        return self.path.relative_to(ROOT).as_posix()

    def lines(self) -> int:
        """How long the file is."""
        return len(self.path.read_text("utf-8").splitlines())

    def imports(self) -> tuple[Import, ...]:
        """Everything it imports, wherever in the file."""
        return _imports_of(self)

    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of its syntax tree."""
        return _nodes_of(self)


@cache
def modules(*folders: str, tests: bool = False) -> tuple[Module, ...]:
    """The Python files below the folders (or the named files), with or without their tests."""
    return tuple(
        _module(path)
        for path in tracked_files()
        if path.suffix == ".py"
        and any(path.is_relative_to(ROOT / folder) for folder in folders)
        and (tests or not _is_test(path))
    )


@cache
def _module(path: Path) -> Module:
    return Module(path=path, tree=ast.parse(path.read_bytes(), str(path)))


@cache
def _imports_of(module: Module) -> tuple[Import, ...]:
    return tuple(_imports(module.tree, module.path.relative_to(ROOT).parent.parts, eager=True))


@cache
def _nodes_of(module: Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(module.tree))


def _is_test(path: Path) -> bool:
    relative = path.relative_to(ROOT)
    return "tests" in relative.parts or path.name == "conftest.py" or path.name.startswith("test_")


def _imports(node: ast.AST, package: tuple[str, ...], *, eager: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(module=alias.name, names=(), line=child.lineno, eager=eager)
        elif isinstance(child, ast.ImportFrom):
            names = tuple(alias.name for alias in child.names)
            base = package[: len(package) - child.level + 1] if child.level else ()
            module = ".".join([*base, *([child.module] if child.module else [])])
            yield Import(module=module, names=names, line=child.lineno, eager=eager)
        else:
            yield from _imports(child, package, eager=eager and not _defers(child))


def _defers(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
