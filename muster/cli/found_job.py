"""The one job that an id on the command line names."""

from __future__ import annotations

from typing import Any

from muster.cli.context import Context
from muster.cli.executions import find_execution


def found_job(context: Context, id_: str, *, agent: str | None) -> dict[str, Any]:
    """Its row, by its own id or its execution's, on a connection of its own.

    Raises:
        NotFound: there is none, or several agents have a job of that id.
    """
    from muster.store.reader import reading

    with reading(context.database(), topic="jobs") as reader:
        return find_execution(reader, id_, agent=agent)
