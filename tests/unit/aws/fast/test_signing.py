"""Signatures are the ones that botocore makes."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.aws.fast.signing import CONTENT_TYPE, Place, Signer

TARGET = "AmazonSQS.ReceiveMessage"

_texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@settings(max_examples=60)
@given(
    body=st.binary(max_size=200),
    seconds=st.integers(min_value=1_000_000_000, max_value=4_000_000_000),
    secret=_texts,
    token=st.none() | _texts,
    path=st.sampled_from(["/", "/base/", "/a b/ü~/"]),
)
def test_a_head_is_signed_as_botocore_signs_it(
    body: bytes, seconds: int, secret: str, token: str | None, path: str
):
    # Given a request as botocore signs it
    credentials = Credentials("AKID", secret, token)
    theirs = AWSRequest(
        "POST",
        f"https://sqs.test:8443{path}",
        data=body,
        headers={"Content-Type": CONTENT_TYPE, "X-Amz-Target": TARGET},
    )
    moment = datetime.fromtimestamp(seconds, UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment):
        SigV4Auth(credentials, "sqs", "eu-central-1").add_auth(theirs)
    # When the signer makes the head of the same request, twice
    place = Place(region="eu-central-1", host="sqs.test:8443", path=path)
    signer = Signer(place, now=lambda: seconds)
    heads = [signer.head(TARGET, body, credentials) for _ in range(2)]
    # Then both carry botocore's signature and everything that was signed
    lines = heads[0].decode("latin-1").split("\r\n")
    headers = dict(line.split(":", 1) for line in lines[1:-2])
    assert headers["authorization"] == theirs.headers["Authorization"]
    assert headers["x-amz-date"] == theirs.headers["X-Amz-Date"]
    assert headers.get("x-amz-security-token") == token
    assert headers["content-length"] == str(len(body))
    assert lines[-2:] == ["", ""]
    assert heads[0] == heads[1]


def test_another_day_and_another_secret_have_other_keys():
    # Given a signer that has signed before
    now = [1_795_262_400.0]
    place = Place(region="eu-central-1", host="sqs.test", path="/")
    signer = Signer(place, now=lambda: now[0])

    def signed(identity: Credentials) -> bytes:
        fresh = Signer(place, now=lambda: now[0])
        head = signer.head(TARGET, b"{}", identity)
        assert head == fresh.head(TARGET, b"{}", identity)
        return head

    # When the secret and then the day change
    heads = {signed(Credentials("AKID", "one")), signed(Credentials("AKID", "two"))}
    now[0] += 86_400
    heads.add(signed(Credentials("AKID", "two")))
    # Then nothing of the old key is left
    assert len(heads) == 3
