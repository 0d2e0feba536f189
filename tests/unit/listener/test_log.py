"""The listener's lines are those of Powertools, and a thread's keys are its own."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import threading
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from ecs_listener.interruption import Interruption
from ecs_listener.log import MOST_PLACES, ListenerLog
from muster.execution.tail import Tail, follow
from muster.isolation.interrupted import Interrupted
from muster.mask import LogMask, Mask
from tests.support.waiting import wait_until

NASTY = "\r\n\x1b[31m\u2028\u202e\ud800\x00\x85"


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    text = stream.getvalue()
    assert text.isascii()
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> ListenerLog:
    return ListenerLog("agent-1", level="info", stream=stream)


def _say(log: Any) -> None:
    log.append_keys(job="j-1", attempt=2)
    log.info("told %s", NASTY, extra={"params": {1: NASTY}, "odd": {1}, "attempt": 3})
    try:
        {}[NASTY]
    except KeyError:
        log.exception("failed")
    log.remove_keys(["job", "attempt", "unknown"])
    log.warning("after")
    log.debug("never")


def test_a_line_is_like_one_of_powertools(log: ListenerLog, stream: io.StringIO):
    # Given Powertools' logger, as functions have it
    theirs = io.StringIO()
    serializer = partial(json.dumps, default=str, separators=(",", ":"))
    _say(
        Logger(
            service="agent-1",
            stream=theirs,
            json_serializer=serializer,
            log_uncaught_exceptions=False,
        )
    )
    # When both are told the same
    _say(log)
    # Then both have written the same, but for the moment
    ours, known = _lines(stream), _lines(theirs)
    moment = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}[+-]\d{4}$")
    for line in (*ours, *known):
        assert moment.match(line.pop("timestamp"))
        # Paths and a second form of the same, which Powertools adds.
        for name in ("exception", "stack_trace"):
            line.pop(name, None)
    assert ours == known


def test_only_lines_of_jobs_have_records_where_their_tails_are_kept(
    log: ListenerLog, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    # Given a log whose lines are kept with the executions, as every listener's is
    tails, records = follow(log), list[str]()
    made = log.makeRecord
    monkeypatch.setattr(
        log, "makeRecord", lambda *args, **kwargs: records.append("made") or made(*args, **kwargs)
    )
    # When a thread tells something beside any job, and then within one
    log.info("beside")
    before = list(records)
    tails.begin(tail := Tail("head"))
    log.info("within")
    tails.end()
    # Then both lines are written, one was kept, and only that one cost a record
    assert [line["message"] for line in _lines(stream)] == ["beside", "within"]
    head, kept = (tail.text() or "").splitlines()
    assert (head, kept.rpartition(" ")[2]) == ("head", "within")
    assert (before, records) == ([], ["made"])


def test_a_key_that_would_hide_a_part_of_the_record_is_refused_as_by_every_logger(log: ListenerLog):
    hiding = {"message": "another"}
    with pytest.raises(KeyError, match="message"):
        log.info("told", extra=hiding)


def test_a_place_is_that_of_the_caller_through_an_adapter_too(
    log: ListenerLog, stream: io.StringIO
):
    logging.LoggerAdapter(log, {"tenant": "t"}).info("told")
    [line] = _lines(stream)
    assert line["location"].startswith("test_a_place_is_that_of_the_caller")
    assert line["tenant"] == "t"


def test_an_exception_is_told_whole(log: ListenerLog, stream: io.StringIO):
    _say(log)
    [line] = [line for line in _lines(stream) if "exception" in line]
    assert line["exception"].startswith("Traceback")
    assert line["exception_name"] == "KeyError"


def test_keys_are_those_of_the_thread(log: ListenerLog, stream: io.StringIO):
    # Given a thread that has keys
    log.thread_safe_append_keys(job="mine")
    # When another one logs, with keys of its own
    other = threading.Thread(
        target=lambda: (log.append_keys(execution="its"), log.info("from the other"))
    )
    other.start()
    other.join(60)
    log.info("from this one")
    # Then each line has its thread's
    first, second = _lines(stream)
    assert (first.get("job"), first.get("execution")) == (None, "its")
    assert (second.get("job"), second.get("execution")) == ("mine", None)


def test_secrets_are_masked(log: ListenerLog, stream: io.StringIO):
    log.addFilter(LogMask(lambda: Mask(["s3cr3t-value"])))
    log.info("told %s", "s3cr3t-value", extra={"where": "in s3cr3t-value"})
    assert "s3cr3t" not in stream.getvalue()


def test_it_is_a_logger_for_everything_that_takes_one(log: ListenerLog, stream: io.StringIO):
    assert isinstance(log, logging.Logger)
    assert log.getEffectiveLevel() == logging.INFO
    log.setLevel(logging.ERROR)
    log.info("unheard")
    assert stream.getvalue() == ""


def test_a_job_that_is_interrupted_while_it_waits_to_write_leaves_the_log_to_the_others(
    log: ListenerLog, stream: io.StringIO
):
    # Given a job that waits for its turn to write a line
    [handler] = log.handlers
    assert handler.lock is not None
    interruption, ended = Interruption(), threading.Event()

    def job() -> None:
        with suppress(Interrupted):
            interruption.run(lambda: log.info("from the job"))
        ended.set()

    with handler.lock:
        thread = threading.Thread(target=job, daemon=True)
        thread.start()
        wait_until(lambda: _is_about_to_write(thread))
        # When it is interrupted
        assert interruption.interrupt()
    assert ended.wait(60)
    # Then everybody else can still write
    assert handler.lock.acquire(timeout=5)
    handler.lock.release()


def _is_about_to_write(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_name in ("acquire", "handle", "tell")


def test_keys_that_are_lent_are_asked_for_when_there_is_a_line_of_their_thread(
    log: ListenerLog, stream: io.StringIO
):
    # Given a thread that was lent keys, and has some of its own
    asked: list[str] = []

    def keys() -> dict[str, str]:
        asked.append(threading.current_thread().name)
        return {"job": "lent", "agent": "lent"}

    log.lend_keys(keys)
    log.append_keys(job="own")
    assert not asked
    # When it writes a line, with and without a record, and another thread does
    log.info("plain")
    log.info("with a record", stack_info=True)
    other = threading.Thread(target=log.info, args=("other",))
    other.start()
    other.join()
    # And once more when it has them no longer
    log.lend_keys(None)
    log.info("after")
    # Then its own lines carry them, and what it added itself goes first
    plain, recorded, others, after = _lines(stream)
    assert (plain["job"], plain["agent"]) == (recorded["job"], recorded["agent"]) == ("own", "lent")
    assert "job" not in others
    assert "agent" not in others
    assert (after["job"], "agent" in after) == ("own", False)
    assert asked == [threading.current_thread().name] * 2


def test_each_place_that_logs_is_told_by_its_own_line(log: ListenerLog, stream: io.StringIO):
    # Given more places than are remembered, in functions that look alike, and two lines of one of them
    count = MOST_PLACES + 10
    for n in range(count):
        space: dict[str, Any] = {"log": log}
        exec(f"def place():\n{chr(10) * n}    log.info('here')\n    log.info('there')", space)
        space["place"]()
    # Then each line tells where it came from
    told = [line["location"] for line in _lines(stream)]
    assert told == [f"place:{2 + n + more}" for n in range(count) for more in (0, 1)]
