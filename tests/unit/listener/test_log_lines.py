"""Lines that are written without a record, alone or several in one piece, are those that a record makes."""

from __future__ import annotations

import io
import json
import logging
import re

import pytest

from ecs_listener.log import ListenerLog
from muster.model import Status

NASTY = "\r\n\x1b[31m\u2028\u202e\ud800\x00\x85"

#: What differs from line to line.
MOMENT = re.compile(r'"timestamp":"\d{4}-[^"]*"')


class Witness(logging.Filter):
    """Lets every record pass, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.records = 0

    def filter(self, _: logging.LogRecord) -> bool:
        self.records += 1
        return True


@pytest.mark.parametrize(
    ("args", "keys", "extra"),
    [
        ((NASTY,), {}, {}),
        (({"a": 1},), {}, {}),
        (
            (),
            {"job": NASTY, NASTY: "ü"},
            {"n": -1, "big": 2**70, "part": 0.5, "yes": True, "no": None},
        ),
        ((), {"service": "another", "level": "mine"}, {"timestamp": "then"}),
        ((), {}, {"many": [1, {"deep": {1, 2}}], "status": Status.COMPLETED}),
        (("one", "too many"), {"job": "j"}, {}),
    ],
)
def test_a_line_is_the_same_whether_or_not_somebody_looks_at_its_record(
    args: tuple[object, ...], keys: dict[str, str], extra: dict[str, object]
):
    # Given two logs with the same keys, one of which has a filter
    plain, seen = io.StringIO(), io.StringIO()
    witness = Witness()
    logs = [ListenerLog("agent-ü", level="info", stream=stream) for stream in (plain, seen)]
    logs[1].addFilter(witness)
    # When both are told the same, at the same place
    for log in logs:
        log.append_keys(**keys)
        log.warning("told %s" if args else "told 100 %", *args, extra=extra)
    # Then both have written the same text, but for the moment, and the record was there to be seen
    assert MOMENT.sub("", plain.getvalue()) == MOMENT.sub("", seen.getvalue())
    assert witness.records == 1


class Pieces(io.StringIO):
    """Counts what is written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces = 0

    def write(self, text: str) -> int:
        self.pieces += 1
        return super().write(text)


def test_lines_that_say_the_same_are_as_if_told_one_by_one_but_written_in_one_piece():
    # Given what is to be said of several jobs, and a log whose records somebody looks at
    extras = [{"job": NASTY, "attempt": 1}, {"job": "ü", "odd": {1}, "status": Status.COMPLETED}]
    plain, seen = Pieces(), Pieces()
    logs = [ListenerLog("agent-ü", level="info", stream=stream) for stream in (plain, seen)]
    logs[1].addFilter(Witness())
    # When both are told
    for log in logs:
        log.append_keys(agent="a", job="hidden")
        log.each(logging.WARNING, "100 % told", extras)
        log.each(logging.DEBUG, "never", extras)
        log.each(logging.INFO, "nothing", [])
    # Then the text is the same but for the moment, and one of them wrote once
    assert MOMENT.sub("", plain.getvalue()) == MOMENT.sub("", seen.getvalue())
    first, second = [json.loads(line) for line in plain.getvalue().splitlines()]
    assert (first["job"], first["agent"], second["job"]) == (NASTY, "a", "ü")
    assert first["location"].startswith("test_lines_that_say_the_same")
    assert (plain.pieces, seen.pieces) == (1, 2)


def test_a_key_among_several_lines_that_would_hide_a_part_is_refused_as_by_every_logger():
    log = ListenerLog("agent", level="info", stream=io.StringIO())
    with pytest.raises(KeyError, match="message"):
        log.each(logging.INFO, "told", [{"job": "1"}, {"message": "another"}])
