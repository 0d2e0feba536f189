"""Muster's public face: what an agent imports."""

from muster.database import JobDatabase, StatementFailed
from muster.errors import (
    Cancelled,
    MusterError,
    PermanentError,
    RetryableError,
    RetryLater,
    SecretRejected,
)
from muster.job import Job, agent

__all__ = [
    "Cancelled",
    "Job",
    "JobDatabase",
    "MusterError",
    "PermanentError",
    "RetryLater",
    "RetryableError",
    "SecretRejected",
    "StatementFailed",
    "agent",
]
