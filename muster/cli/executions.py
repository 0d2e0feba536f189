"""Finding the execution that somebody means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from muster.cli.errors import NotFound

if TYPE_CHECKING:
    from muster.store.reader import Reader


def find_execution(reader: Reader, id_: str, *, agent: str | None) -> dict[str, Any]:
    """The row of the execution that an id names, be it the job's or its own.

    Raises:
        NotFound: there is none, or several agents have a job of that id.
    """
    found = reader.rows("find_job", {"id": id_, "execution_id": _uuid(id_), "agent": agent})
    if not found:
        raise NotFound(f"No job or execution {id_!r}. See `muster jobs list`.")
    if len(found) > 1:
        agents = ", ".join(sorted({row["agent_id"] for row in found}))
        raise NotFound(f"Several agents have a job {id_!r}: {agents}. Use --agent.")
    return found[0]


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
