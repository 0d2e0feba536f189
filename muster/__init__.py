"""Muster's public face: what an agent imports."""

from muster.errors import Cancelled, MusterError, PermanentError, RetryableError, RetryLater
from muster.job import Job, agent

__all__ = [
    "Cancelled",
    "Job",
    "MusterError",
    "PermanentError",
    "RetryLater",
    "RetryableError",
    "agent",
]
