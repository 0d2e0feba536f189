"""Goes through a file batch by batch: its verdicts, then a checkpoint now and then, and on.

A batch is posted before the checkpoint that says so. Whoever dies in between is repeated from the checkpoint
before, and the books answer for the lines as they did.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from muster import Job, PermanentError, RetryLater

from .batches import RecordBatch, batches
from .books import Books
from .flaw import Flaw
from .ledger_file import LedgerFile
from .progress import Progress, progress_of
from .reading import read_transaction
from .transaction import Transaction

#: How long before its deadline a job stops by itself: time for a batch that waits for Postgres, in seconds.
_MARGIN = 30.0

#: Problems that the error of a refused file names.
_NAMED = 10


def post_file(job: Job, *, client: Any = None) -> dict[str, Any]:
    """Post the file of a job, or what of it is left.

    Args:
        client: a boto3 client of S3; None takes the process's own.

    Raises:
        PermanentError, Cancelled, RetryLater: as the agent says.
    """
    progress = progress_of(job, client=client)
    job.log.info("posting", extra={"phase": progress.phase, "line": progress.place.line})
    books = Books(
        job.database,
        tenant=job.tenant,
        job_id=job.id,
        open_accounts=job.config["open_accounts"],
    )
    result = Posting(job, books=books, progress=progress, client=client).run()
    counts = {name: result[name] for name in ("records", "posted", "conflicts", "rejected")}
    job.log.info("posted", extra=counts)
    return result


class Posting:
    """One attempt of one job."""

    def __init__(
        self,
        job: Job,
        *,
        books: Books,
        progress: Progress,
        client: Any = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job = job
        self._books = books
        self._progress = progress
        self._client = client
        self._monotonic = monotonic
        self._stop_at = self._end()
        self._saved_at, self._saved_line = monotonic(), progress.place.line

    def run(self) -> dict[str, Any]:
        """Go on from where the progress is.

        Raises:
            PermanentError: `file_refused`; nothing was posted.
            RetryLater: the deadline is near, and some of the file is done.
        """
        self._currencies = self._books.currencies()
        if self._progress.phase == "check":
            self._go_through()
            self._decide()
        self._go_through()
        if self._job.config["on_error"] == "refuse":
            self._books.forget()
        return self._progress.result()

    def _go_through(self) -> None:
        progress, config = self._progress, self._job.config
        file = LedgerFile(
            object=progress.object, format=self._job.params.get("format"), client=self._client
        )
        records = file.records(progress.place)
        for batch in batches(records, start=progress.place, most=config["batch_lines"]):
            self._take(batch)
            if self._monotonic() >= self._stop_at:
                self._save()
                raise RetryLater(
                    f"{progress.place.line} lines are done; the next attempt goes on there.",
                    after=0,
                    snooze=True,
                )
            if self._is_due():
                self._save()

    def _take(self, batch: RecordBatch) -> None:
        progress = self._progress
        read = [(record, self._read(record.content)) for record in batch.records]
        good = {record.line: one for record, one in read if isinstance(one, Transaction)}
        ask = self._books.check if progress.phase == "check" else self._books.post
        verdicts = ask(good) if good else {}
        for record, one in read:
            if isinstance(one, Flaw):
                progress.tally.add_flaw(record, one)
            else:
                progress.tally.add(record, one, verdicts[record.line])
        progress.place = batch.end
        if progress.phase == "post":
            self._job.count(items_processed=len(read))

    def _read(self, content: Any) -> Transaction | Flaw:
        if isinstance(content, Flaw):
            return content
        try:
            return read_transaction(content, self._currencies)
        except Flaw as flaw:
            return flaw

    def _decide(self) -> None:
        """After the look through the whole file: refuse it, or begin to post it."""
        tally = self._progress.tally
        if tally.wrong:
            # The verdict first: who looked again without the notes would find less.
            self._save()
            self._books.forget()
            named = "; ".join(tally.problems(_NAMED))
            raise PermanentError(
                f"{tally.wrong} of {tally['records']} records are wrong, so nothing was posted: {named}"
                f"{'; …' if tally.wrong > _NAMED else ''}. Mend the file and upload it again.",
                code="file_refused",
            )
        self._progress = Progress.begun(
            self._progress.object, phase="post", reported=self._job.config["reported_lines"]
        )
        self._save()

    def _is_due(self) -> bool:
        config = self._job.config
        return (
            self._progress.place.line - self._saved_line >= config["checkpoint_lines"]
            or self._monotonic() - self._saved_at >= config["checkpoint_seconds"]
        )

    def _save(self) -> None:
        self._job.checkpoint(self._progress.state())
        self._saved_at, self._saved_line = self._monotonic(), self._progress.place.line

    def _end(self) -> float:
        """When to stop by itself."""
        if self._job.deadline is None:
            return float("inf")
        left = (self._job.deadline - datetime.now(UTC)).total_seconds()
        return self._monotonic() + left - min(_MARGIN, left / 4)
