"""The package that an agent's folder is imported as. Standard library only: a job's process needs no more."""

from __future__ import annotations


def package_name(agent_id: str) -> str:
    """The package that an agent's folder is imported as.

    A bijection: an id holds hyphens and no underscore, the package the reverse.
    """
    return f"muster_agents.{agent_id.replace('-', '_')}"


def agent_id_of(package: str) -> str:
    """The agent whose folder is imported as this package; the inverse of `package_name`.

    Raises:
        ValueError: not such a package.
    """
    prefix, _, name = package.partition(".")
    if prefix != "muster_agents" or not name or "." in name or "-" in name:
        raise ValueError(f"{package!r} is not the package of an agent: muster_agents.<folder>")
    return name.replace("_", "-")
