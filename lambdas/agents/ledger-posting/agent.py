"""The agent: posts one file of financial transactions to the books of its tenant, each transaction once."""

from __future__ import annotations

from typing import Any

from muster import Job, agent

from .posting import post_file


@agent
def post(job: Job) -> dict[str, Any]:
    """What became of the lines of the file.

    Returns:
        `records`, and of these `posted`, `already_posted`, `conflicts` and `rejected`; `totals` by currency
        of what was posted; the first `problems` by line; and the `object` that was read.

    Raises:
        PermanentError: the object is missing, forbidden, overwritten or no file of transactions, or it was
            refused as a whole; `code` says which.
        Cancelled: the job came of an event, and its object was deleted or overwritten since.
        RetryLater: its time is over, and the next attempt goes on from there.
    """
    return post_file(job)
