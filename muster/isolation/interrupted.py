"""How a host with threads stops a call that runs in one of them."""

from __future__ import annotations


class Interrupted(BaseException):
    """The host stops this job; it knows why, and what is to be recorded.

    A BaseException, so that no `except Exception` of an agent keeps it.
    """
