"""What the agent makes of the answers of S3."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from muster import PermanentError, RetryableError
from muster.agent_loader import load_agent

load_agent(Path(__file__).parent)
objects = sys.modules["muster_agents.document_profile.objects"]


class S3:
    """Answers every read with the same content, of which it may claim another length."""

    def __init__(self, content: bytes, *, length: int | None = None) -> None:
        self.body = io.BytesIO(content)
        self._length = len(content) if length is None else length

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": self.body, "ContentLength": self._length}


class FailingS3:
    """Answers every read with an error."""

    def __init__(self, code: str) -> None:
        self._code = code

    def get_object(self, **_: Any) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": self._code}}, "GetObject")


def read(client: Any) -> bytes:
    return objects.read_object("uploads", "a.csv", client=client)


def test_an_object_is_read_whole_and_closed():
    client = S3(b"a,b\n")
    assert read(client) == b"a,b\n"
    assert client.body.closed


def test_an_object_that_is_too_large_is_refused_without_reading_it():
    client = S3(b"never read", length=objects.MAX_BYTES + 1)
    with pytest.raises(PermanentError) as caught:
        read(client)
    assert caught.value.code == "object_too_large"
    assert client.body.closed


def test_an_answer_that_breaks_off_is_tried_again():
    with pytest.raises(RetryableError, match="4 of 10 bytes"):
        read(S3(b"1234", length=10))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("NoSuchKey", "object_missing"),
        ("NoSuchVersion", "object_missing"),
        ("PreconditionFailed", "object_overwritten"),
        ("AccessDenied", "object_forbidden"),
    ],
)
def test_what_no_other_attempt_would_mend_fails_for_good(error: str, code: str):
    with pytest.raises(PermanentError) as caught:
        read(FailingS3(error))
    assert caught.value.code == code


def test_what_may_pass_by_itself_is_left_to_the_next_attempt():
    with pytest.raises(ClientError):
        read(FailingS3("SlowDown"))
