"""How a process ended is said as what it was."""

from __future__ import annotations

import signal

import pytest

from muster.isolation.ending import Ending, failure_of


@pytest.mark.parametrize(
    ("status", "out_of_memory", "code", "said"),
    [
        (0, False, "exited", "exited with 0"),
        (3 << 8, True, "exited", "exited with 3"),
        (signal.SIGSEGV, False, "killed", "SIGSEGV"),
        (signal.SIGSEGV | 0x80, True, "killed", "SIGSEGV"),
        (signal.SIGKILL, False, "killed", "SIGKILL"),
        (signal.SIGKILL, True, "out_of_memory", "raise `memory`"),
        (63, False, "killed", "63"),
        (None, True, "killed", "nobody could say"),
    ],
)
def test_a_status_becomes_an_error(status: int | None, out_of_memory: bool, code: str, said: str):
    error = failure_of(Ending(status=status), out_of_memory=out_of_memory)
    assert error.code == code
    assert said in str(error)


@pytest.mark.parametrize("word", [b"", b"{", b"[]", b'"x"', b'{"unknown": 1}'])
def test_what_is_no_last_word_says_nothing(word: bytes):
    assert Ending.of(word) == Ending()
