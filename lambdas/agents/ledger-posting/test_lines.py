"""Records of files, in CSV and JSON lines: what is read, from where, and what is told of bad lines."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from muster import PermanentError, RetryableError
from tests.support.bookkeeping import BUCKET, HEADER, MemoryS3, csv_file, csv_line, part

Flaw = part("flaw").Flaw
Place = part("lines").Place
StoredObject = part("stored_object").StoredObject


def records(content: bytes | str, *, key: str = "a.csv", start: Any = None) -> list[Any]:
    s3 = MemoryS3()
    found = StoredObject.find(s3.put(key, content), client=s3)
    file = part("ledger_file").LedgerFile(object=found, client=s3)
    return list(file.records(start or Place()))


def told(content: bytes | str, **options: Any) -> list[tuple[int, str]]:
    """Line and code of each record that is wrong, and `ok` of the others."""
    return [
        (record.line, record.content.code if isinstance(record.content, Flaw) else "ok")
        for record in records(content, **options)
    ]


def test_a_record_has_its_line_its_fields_and_its_end():
    first, second = records(csv_file([csv_line(1, description='"two\nlines"'), csv_line(2)]))
    assert (first.line, second.line) == (2, 4)
    assert first.content["description"] == "two\nlines"
    assert first.end.line == 3
    assert second.content["transaction_id"] == "t-00000002"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_of_many_programs_are_read(mark: str, end: str, delimiter: str):
    content = mark + csv_file([csv_line(1), "", csv_line(2)]).replace(",", delimiter)
    found = records(content.replace("\n", end))
    assert [record.line for record in found] == [2, 4]
    assert found[0].content["amount"] == "1.00"


def test_a_last_line_without_an_end_counts():
    assert told(csv_file([csv_line(1)]).removesuffix("\n")) == [(2, "ok")]
    assert told('{"a": 1}', key="a.jsonl") == [(1, "ok")]


@pytest.mark.parametrize("content", ["", HEADER, HEADER + "\n\n"])
def test_a_file_without_transactions_has_none(content: str):
    assert told(content) == []


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("amount,", ""),
        HEADER + ",note",
        HEADER + ",amount",
        "a,b",
        csv_line(1),
        "\xff" * 70_000,
    ],
)
def test_a_header_that_says_something_else_refuses_the_file(header: str):
    with pytest.raises(PermanentError) as caught:
        records(header + "\n" + csv_line(1))
    assert caught.value.code == "broken_header"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"\x1f\x8b\x08", "gzip"), (b"PK\x03\x04", "zip"), ("a".encode("utf-16"), "UTF-16")],
)
def test_a_file_of_another_kind_is_refused_with_its_kind(content: bytes, kind: str):
    with pytest.raises(PermanentError, match=kind) as caught:
        records(content)
    assert caught.value.code == "unsupported_type"


def test_what_a_file_is_follows_its_name_or_else_its_beginning():
    assert told('{"a": 1}', key="a.NDJSON") == [(1, "ok")]
    assert told('\n{"a": 1}', key="a.txt") == [(2, "ok")]
    assert told(csv_file([csv_line(1)]), key="a") == [(2, "ok")]


def test_a_quote_that_is_not_closed_costs_its_own_line_only():
    # Given a line with an open quote, and a thousand good ones after it, and the same at the very end
    good = [csv_line(n) for n in range(1000)]
    bad = csv_line(5000, description='"never closed')
    found = told(csv_file([good[0], bad, *good[1:], bad]))
    # Then the others are read
    assert [line for line in found if line[1] != "ok"] == [(3, "open_quote"), (1003, "bad_csv")]
    assert len(found) == 1002


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"a,b", "bad_csv"),
        (csv_line(1, description='"a"b').encode(), "bad_csv"),
        (csv_line(1, description="\udcff").encode("utf-8", "surrogateescape"), "bad_text"),
        (b"x" * 200_000, "too_long"),
        (csv_line(1, description="x" * 70_000).encode(), "too_long"),
    ],
)
def test_a_bad_line_of_csv_is_told_and_the_next_one_read(line: bytes, code: str):
    content = csv_file([csv_line(0)]).encode() + line + b"\n" + csv_line(2).encode()
    assert told(content) == [(2, "ok"), (3, code), (4, "ok")]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", "bad_json"),
        ("[1]", "bad_json"),
        ('{"a": NaN}', "bad_json"),
        ('{"a": 1, "a": 2}', "bad_json"),
        ("[" * 60_000, "bad_json"),
        ('{"a": ' + "9" * 6000 + "}", "bad_json"),
        ('"' + "x" * 70_000 + '"', "too_long"),
    ],
)
def test_a_bad_line_of_json_is_told_and_the_next_one_read(line: str, code: str):
    assert told(f"{line}\n\n{{}}\n", key="a.jsonl") == [(1, code), (3, "ok")]


def test_reading_goes_on_at_the_end_of_any_record():
    # Given files with quotes over lines, bad lines and blank ones
    chance = random.Random(7)
    odd = [
        csv_line(1, description='"a\n\nb"'),
        csv_line(1, description='"open'),
        "x",
        "",
        csv_line(2),
    ]
    content = csv_file([chance.choice(odd) for _ in range(200)])
    whole = records(content)
    # When it is read from the end of each record / Then the others come as they did
    for number, record in enumerate(whole):
        rest = records(content, start=record.end)
        assert [(r.line, r.end) for r in rest] == [(r.line, r.end) for r in whole[number + 1 :]]


def test_pieces_cut_lines_anywhere():
    content = csv_file([csv_line(n, description="ü" * (n % 9)) for n in range(60)]).encode()
    read_lines, start = part("lines").read_lines, Place()
    whole = list(read_lines([content], start))
    for size in (1, 2, 3, 7, 64, 1000):
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        assert list(read_lines(pieces, start)) == whole


class Endless:
    """An object of this size that repeats one transaction of 1 KiB."""

    def __init__(self, size: int) -> None:
        self.size = size
        line = json.dumps({"transaction_id": "t", "description": "x" * 900}).encode()
        self.twice = (line.ljust(1023) + b"\n") * 2048

    def head_object(self, **_: Any) -> dict[str, Any]:
        return {"ContentLength": self.size, "ETag": '"e"'}

    def get_object(self, *, Range: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - S3 calls it so
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        begin = first % (1024 * 1024)
        body = io.BytesIO(self.twice[begin : begin + last + 1 - first])
        return {"ContentRange": Range, "Body": body}


def test_memory_does_not_grow_with_the_file():
    # Given a file of 32 MB
    endless = Endless(32 * 1024 * 1024)
    found = StoredObject.find({"bucket": BUCKET, "key": "a.jsonl"}, client=endless)
    file = part("ledger_file").LedgerFile(object=found, client=endless)
    batches = part("batches").batches
    tracemalloc.start()
    try:
        # When it is read in batches that are large
        read = sum(
            len(batch.records) for batch in batches(file.records(Place()), start=Place(), most=5000)
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Then only a batch and a piece or two were held
    assert read == 32 * 1024
    assert peak < 16 * 1024 * 1024


def test_memory_does_not_grow_with_a_line():
    # Given a file of 60 MB, half of it one line
    def pieces() -> Iterator[bytes]:
        for _ in range(32):
            yield b"x" * 1024 * 1024
        yield b"\n"
        for _ in range(28):
            yield (b"y" * 1023 + b"\n") * 1024

    tracemalloc.start()
    try:
        count = sum(1 for _ in part("lines").read_lines(pieces(), Place()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 28 * 1024 + 1
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize("whole", [False, True])
def test_an_object_is_read_in_pieces_of_one_version(whole: bool):
    # Given an object of more than two pieces, and a server that knows no parts
    s3, size = MemoryS3(whole=whole), part("stored_object").PIECE
    content = random.Random(1).randbytes(2 * size + 5)
    params = s3.put("a.jsonl", content)
    found = StoredObject.find({"bucket": BUCKET, "key": "a.jsonl"}, client=s3)
    s3.put("a.jsonl", "another version")
    # Then what is read from the middle is that version's
    assert found.version_id == params["version_id"]
    assert b"".join(found.pieces(4, client=s3)) == content[4:]
    assert [what for what, _ in s3.asked] == ["head", "get", "get", "get"]
    assert StoredObject(**json.loads(json.dumps(found.state()))) == found


def test_what_is_not_there_or_another_one_is_told_for_good():
    s3 = MemoryS3()
    params = s3.put("a.csv", "x")
    for wrong, code in (
        ({**params, "key": "b.csv"}, "object_missing"),
        ({**params, "version_id": "9"}, "object_missing"),
        ({"bucket": BUCKET, "key": "a.csv", "etag": "other"}, "object_overwritten"),
    ):
        with pytest.raises(PermanentError) as caught:
            StoredObject.find(wrong, client=s3)
        assert caught.value.code == code
    # And while it is read
    found = StoredObject.find(params, client=s3)
    s3.versions["a.csv"][0] = b"y"
    with pytest.raises(PermanentError) as caught:
        list(found.pieces(0, client=s3))
    assert caught.value.code == "object_overwritten"


def test_an_answer_that_breaks_off_is_tried_again():
    s3 = MemoryS3()
    found = StoredObject.find(s3.put("a.csv", "four"), client=s3)
    longer = StoredObject(**{**found.state(), "size": 9})
    with pytest.raises(RetryableError, match="broke off after 4"):
        list(longer.pieces(0, client=s3))
