"""What a command ends with when it cannot do its work."""

from __future__ import annotations

from muster.errors import MusterError


class UsageError(MusterError):
    """The command line is wrong."""

    code = "usage"


class NotFound(MusterError):
    """There is no such thing."""

    code = "not_found"
