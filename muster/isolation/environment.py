"""The environment of a job's process: what the manifest and AWS give, none of what is its worker's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

#: Muster's own names tell where the database's secret and the queues are.
_OWN = "MUSTER_"

#: Over this address a process speaks to Lambda in the worker's name.
_RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"


def job_environment(environ: Mapping[str, str], *, folder: Path) -> dict[str, str]:
    """The variables for a job whose own folder this is."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(_OWN) and name != _RUNTIME_API
    }
    tmp = str(folder / "tmp")
    return {**kept, "HOME": str(folder / "home"), "TMPDIR": tmp, "TMP": tmp, "TEMP": tmp}
