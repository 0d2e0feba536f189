"""Imports an agent's folder and finds the one function in it that is marked `@agent`.

A folder is named like its agent, with hyphens, which Python cannot import by that name. So the folder
`feed-collector` becomes the package `muster_agents.feed_collector`: an id holds no underscore and a
package no hyphen, hence no two agents meet in one package. Relative imports inside the folder work;
its own `agent.py` is `muster_agents.feed_collector.agent`.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from muster.agent_package import package_name
from muster.errors import ConfigurationError
from muster.job import AGENT_MARK, Job, Result

#: What an agent is: it takes a job and returns what JSON can hold.
AgentFunction = Callable[[Job], Result]

_CURE = "Mark the one function that takes a Job: from muster import agent, then @agent above it."


def load_agent(folder: Path) -> AgentFunction:
    """Import `<folder>/agent.py` and return its function that is marked `@agent`.

    The same folder is imported once a process; code of the agent that runs at import runs then.

    Raises:
        ConfigurationError: no agent.py, none or several marked functions, or one that is `async`.
        Exception: whatever the agent's own code raises while it is imported.
    """
    if not (folder / "agent.py").is_file():
        raise ConfigurationError(f"{folder} has no agent.py. Add one. {_CURE}")
    package = package_name(folder.name)
    _add_package(package, folder.resolve())
    module = importlib.import_module(f"{package}.agent")
    found = _marked(module)
    if len(found) != 1:
        names = ", ".join(sorted(function.__qualname__ for function in found)) or "none"
        raise ConfigurationError(
            f"{folder / 'agent.py'} must have exactly one function marked @agent, found: {names}. {_CURE}"
        )
    function = found[0]
    if inspect.iscoroutinefunction(function):
        raise ConfigurationError(
            f"{folder / 'agent.py'}: {function.__qualname__} is async. Write def, and asyncio.run inside it."
        )
    return function


def _marked(module: ModuleType) -> list[AgentFunction]:
    """Marked functions by identity, so that an alias does not count twice."""
    found: dict[int, Any] = {
        id(value): value for value in vars(module).values() if _is_marked(value)
    }
    return list(found.values())


def _is_marked(value: object) -> bool:
    # Read from the value's own attributes: an object that answers to any name is not marked by that.
    own: dict[str, object] = getattr(value, "__dict__", {})
    return callable(value) and own.get(AGENT_MARK) is True


def _add_package(package: str, folder: Path) -> None:
    """Make the folder importable as the package, whether or not it has an `__init__.py`.

    Raises:
        ConfigurationError: another folder has this package already.
    """
    root, _, _ = package.partition(".")
    if root not in sys.modules:
        sys.modules[root] = _empty_package(root)
    known = sys.modules.get(package)
    if known is not None:
        if list(known.__path__) != [str(folder)]:
            raise ConfigurationError(
                f"{folder} and {known.__path__[0]} are both {package}. Give each agent an id of its own."
            )
        return
    init = folder / "__init__.py"
    if not init.is_file():
        sys.modules[package] = _empty_package(package, folder)
        return
    spec = importlib.util.spec_from_file_location(
        package, init, submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{init} cannot be imported. Remove it or make it a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[package]
        raise


def _empty_package(name: str, *folders: Path) -> ModuleType:
    spec = importlib.machinery.ModuleSpec(name, loader=None, is_package=True)
    spec.submodule_search_locations = [str(folder) for folder in folders]
    return importlib.util.module_from_spec(spec)
