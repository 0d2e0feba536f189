"""What a job prints: it becomes log lines of its worker, as many as anybody reads."""

from __future__ import annotations

import logging

from muster.mask import Mask

#: Of what a job prints this much becomes log lines, in bytes; the rest is counted.
MOST_SHOWN = 256 * 1024

#: A job that prints more than this is stopped, in bytes: reading it takes the worker's time.
MOST_PRINTED = 64 * 1024 * 1024

#: A longer line is cut into several, in bytes.
_LONGEST_LINE = 8 * 1024

#: Bytes of a character in UTF-8, at most.
_LONGEST_CHARACTER = 4


class Output:
    """One stream of a job, `stdout` or `stderr`.

    Args:
        mask: finds the job's secrets, before a line is cut: the log would not find the two halves of one.
    """

    def __init__(self, *, stream: str, log: logging.Logger, mask: Mask) -> None:
        self._stream = stream
        self._log = log
        self._mask = mask
        # Kept back of an endless line: the beginning of a secret may be at its end.
        self._most_kept = _LONGEST_LINE + mask.longest * _LONGEST_CHARACTER
        self._line = bytearray()
        self._shown = 0
        #: Bytes that came, shown or not.
        self.printed = 0

    @property
    def too_much(self) -> bool:
        """Whether the job is to be stopped for it."""
        return self.printed > MOST_PRINTED

    def feed(self, piece: bytes) -> None:
        """Take what came."""
        self.printed += len(piece)
        if self._shown >= MOST_SHOWN:
            return
        *lines, rest = (bytes(self._line) + piece).split(b"\n")
        self._line = bytearray(rest)
        for line in lines:
            self._show(line)
        if len(self._line) >= self._most_kept:
            self._line = bytearray(self._masked(bytes(self._line)))
        while len(self._line) >= self._most_kept:
            self._show(bytes(self._line[:_LONGEST_LINE]))
            del self._line[:_LONGEST_LINE]

    def close(self) -> None:
        """Show what is left, and say what was not shown."""
        if self._line:
            self._show(bytes(self._line))
            self._line.clear()
        hidden = self.printed - self._shown
        if self._shown >= MOST_SHOWN and hidden > 0:
            self._log.warning(
                "%d more bytes of %s are not shown", hidden, self._stream, extra=self._keys
            )

    @property
    def _keys(self) -> dict[str, str]:
        return {"stream": self._stream}

    def _masked(self, line: bytes) -> bytes:
        text = line.decode("utf-8", "surrogateescape")
        return self._mask.text(text).encode("utf-8", "surrogateescape")

    def _show(self, line: bytes) -> None:
        if len(line) > _LONGEST_LINE:
            line = self._masked(line)
        while self._shown < MOST_SHOWN:
            part, line = line[:_LONGEST_LINE], line[_LONGEST_LINE:]
            self._shown += len(part) + 1
            text = part.decode("utf-8", errors="replace").rstrip()
            if text:
                self._log.info("%s", text, extra=self._keys)
            if not line:
                return
