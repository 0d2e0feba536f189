"""The agent as its worker calls it: one function, given a job."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from muster import Cancelled, Job, PermanentError
from muster.agent_loader import load_agent

FOLDER = Path(__file__).parent
DOCUMENTS = FOLDER.parents[2] / "tests" / "events" / "documents"
BUCKET = "uploads"

#: Profiles one of the sample documents, put into the bucket first.
Profiled = Callable[..., dict[str, Any]]

profile = load_agent(FOLDER)


def of_text(text: str) -> dict[str, Any]:
    return profile(Job(id="j", params={"text": text}))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def of_file(bucket: Any) -> Profiled:
    def run(name: str, *, key: str | None = None) -> dict[str, Any]:
        key = key or f"incoming/{name}"
        bucket.put_object(Bucket=BUCKET, Key=key, Body=(DOCUMENTS / name).read_bytes())
        return profile(Job(id="j", params={"bucket": BUCKET, "key": key}))

    return run


def test_text_is_counted_in_words_lines_and_characters():
    # Given a text of two lines, the last one without its end
    text = "Grüße, world.\nSecond line"
    # Then its profile counts them, and size and checksum are those of its UTF-8
    assert of_text(text) == {
        "type": "text",
        "size": 27,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "encoding": "utf-8",
        "words": 4,
        "lines": 2,
        "characters": 25,
    }


@pytest.mark.parametrize(
    ("text", "lines"), [("", 0), ("\n", 1), ("a\r\nb\rc\n", 3), ("a\n\nb", 3), ("a\u2028b", 1)]
)
def test_lines_end_in_any_of_three_ways(text: str, lines: int):
    assert of_text(text)["lines"] == lines


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"a": 1}', "json"),
        (" \n[1, 2]", "json"),
        ('{"a": 1', "text"),
        ('{"a": NaN}', "text"),
        ("[" * 100_000, "text"),
        ("5", "text"),
        ("id,name\n1,Ada\n", "csv"),
        ("id\tname\n1\tAda", "csv"),
        ("Hello, world\nGood, bye", "text"),
        ("one,two\nthree,four,five", "text"),
        ("only,a,header", "text"),
        ('a,b\n1,"open', "text"),
    ],
)
def test_inline_text_is_known_by_its_content(text: str, kind: str):
    assert of_text(text)["type"] == kind


def test_a_table_has_rows_columns_and_their_types(of_file: Profiled):
    # Given a CSV with quoted commas, empty cells, CRLF and codes with leading zeros
    result = of_file("people.csv")
    # Then every column has the narrowest type that holds all of its cells
    assert (result["type"], result["rows"], result["columns"]) == ("csv", 3, 6)
    assert {c["name"]: (c["type"], c["filled"]) for c in result["column_types"]} == {
        "id": ("integer", 3),
        "name": ("string", 2),
        "joined": ("datetime", 3),
        "score": ("number", 3),
        "active": ("boolean", 3),
        "postcode": ("string", 2),
    }
    assert result["ragged_rows"] == 0


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["", " "], "empty"),
        (["-1", "+2", "0"], "integer"),
        (["1", "2.5", ".5", "1.", "-1e-3"], "number"),
        (["e5"], "string"),
        (["1", "2020-01-01"], "string"),
        (["2020-01-01", "2020-01-01T10:00:00.5+02:00"], "datetime"),
        (["true", "1"], "string"),
        (["٣"], "string"),
    ],
)
def test_types_of_columns(cells: list[str], expected: str):
    table = "\n".join(["name;kind", *(f"{cell};x" for cell in cells)])
    assert of_text(table)["column_types"][0]["type"] == expected


def test_encodings_and_delimiters_are_found(of_file: Profiled):
    latin, utf16 = of_file("latin1.csv"), of_file("utf16.csv")
    assert (latin["encoding"], latin["delimiter"], latin["rows"]) == ("latin-1", ";", 2)
    assert latin["column_types"][0] == {"name": "Stadt", "type": "string", "filled": 2}
    assert (utf16["encoding"], utf16["delimiter"], utf16["rows"]) == ("utf-16", "\t", 1)


def test_ragged_rows_are_counted_not_refused(of_file: Profiled):
    result = of_file("ragged.csv")
    assert (result["rows"], result["columns"], result["ragged_rows"]) == (3, 3, 2)


def test_a_text_file_is_no_table_whatever_its_commas(of_file: Profiled):
    result = of_file("notes.txt")
    assert (result["type"], result["words"], result["lines"]) == ("text", 8, 3)


def test_json_has_a_shape(of_file: Profiled):
    result = of_file("feed.json")
    assert (result["type"], result["encoding"]) == ("json", "utf-8")
    assert result["shape"] == {
        "kind": "object",
        "keys": 3,
        "key_names": ["title", "items", "next"],
        "depth": 3,
    }
    assert of_text('[1, "a", null, 2]')["shape"] == {
        "kind": "array",
        "items": 4,
        "item_kinds": {"number": 2, "string": 1, "null": 1},
        "depth": 1,
    }


def test_a_pdf_has_pages(of_file: Profiled):
    # Given a PDF whose name says otherwise
    result = of_file("report.pdf", key="incoming/report.csv")
    # Then its content counts
    assert (result["type"], result["pages"], result["encrypted"]) == ("pdf", 3, False)
    assert result["title"] == "Quarterly report"


def test_a_pdf_with_a_password_is_profiled_without_its_pages(of_file: Profiled):
    result = of_file("locked.pdf")
    assert (result["pages"], result["encrypted"]) == (None, True)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("broken.csv", "broken_csv"),
        ("broken.json", "broken_json"),
        ("broken.pdf", "broken_pdf"),
        ("picture.png", "unsupported_type"),
    ],
)
def test_a_broken_document_fails_for_good_and_says_how(of_file: Profiled, name: str, code: str):
    with pytest.raises(PermanentError) as caught:
        of_file(name)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "params",
    [
        {"bucket": BUCKET, "key": "nowhere"},
        {"bucket": "no-such-bucket", "key": "nowhere"},
        {"bucket": "not a bucket", "key": "nowhere"},
        {"bucket": BUCKET, "key": "nowhere", "version_id": "never-made"},
    ],
)
def test_a_missing_object_fails_for_good(bucket: Any, params: dict[str, str]):
    with pytest.raises(PermanentError) as caught:
        profile(Job(id="j", params=params))
    assert caught.value.code == "object_missing"


def test_an_object_may_be_empty(bucket: Any):
    bucket.put_object(Bucket=BUCKET, Key="empty.csv", Body=b"")
    result = profile(Job(id="j", params={"bucket": BUCKET, "key": "empty.csv"}))
    assert (result["type"], result["size"], result["rows"], result["columns"]) == ("csv", 0, 0, 0)


def event_of(bucket: Any, key: str, body: bytes, *, versioned: bool) -> dict[str, Any]:
    """The params of the job that the object's event asks for."""
    reply = bucket.put_object(Bucket=BUCKET, Key=key, Body=body)
    params = {"bucket": BUCKET, "key": key, "size": len(body), "sequencer": "0055AED6DCD90281E5"}
    params |= {"version_id": reply["VersionId"]} if versioned else {}
    return {**params, "etag": reply["ETag"].strip('"')}


def test_an_event_gets_the_version_it_tells_of(bucket: Any):
    # Given a versioned bucket whose object was overwritten, and then deleted, before its events were read
    bucket.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first = event_of(bucket, "a.txt", b"one", versioned=True)
    second = event_of(bucket, "a.txt", b"one two", versioned=True)
    bucket.delete_object(Bucket=BUCKET, Key="a.txt")
    # Then each event, in whatever order, is the profile of its own version
    assert profile(Job(id="2", params=second))["words"] == 2
    assert profile(Job(id="1", params=first))["words"] == 1


def test_the_job_of_an_event_whose_object_is_gone_is_called_off(bucket: Any):
    params = event_of(bucket, "a.txt", b"one", versioned=False)
    bucket.delete_object(Bucket=BUCKET, Key="a.txt")
    with pytest.raises(Cancelled, match="^object_gone$"):
        profile(Job(id="j", params=params))


def test_without_versions_an_overwritten_object_is_left_to_its_newer_event(bucket: Any):
    # Given a bucket without versions, whose object was overwritten before its first event was read
    first = event_of(bucket, "a.txt", b"one", versioned=False)
    second = event_of(bucket, "a.txt", b"one two", versioned=False)
    # Then the older event is called off, and the newer one is the profile of what is there
    with pytest.raises(Cancelled, match="^object_overwritten$"):
        profile(Job(id="1", params=first))
    assert profile(Job(id="2", params=second))["words"] == 2
