"""What is wrong with one line of a file."""

from __future__ import annotations


class Flaw(Exception):
    """A line that cannot be posted; the others can.

    Args:
        code: stable and machine-readable.
        text: for whoever mends the file; it quotes nothing of the line.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
