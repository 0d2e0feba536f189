"""A wrong clock and worn-out credentials are mended where that is possible, and told where not."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, NoCredentialsError

from muster.aws.fast.clock import ServiceClock
from muster.aws.fast.credentials import SEARCH_INTERVAL
from tests.support.fast_transport import NOON, Transport
from tests.support.stubbed_sqs import Answer, ok, refusal


def _skewed(code: str, at: float) -> Answer:
    return refusal(code, status=403, Date=formatdate(at, usegmt=True))


@pytest.mark.parametrize(
    "code", ["RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException"]
)
@pytest.mark.parametrize("hours", [1, -1, 24 * 365])
def test_a_wrong_clock_is_corrected_by_the_services(transport: Transport, code: str, hours: int):
    # Given a service whose clock says something else
    transport.server.answer(_skewed(code, NOON + hours * 3600), ok())
    # When two calls are made
    transport.depth()
    transport.depth()
    # Then the first was repeated at once with the service's time, and the second knew it
    stamps = [request.headers["x-amz-date"] for request in transport.server.requests]
    assert stamps[0] == "20261121T120000Z"
    assert stamps[1] == stamps[2] != stamps[0]
    assert transport.pauses == []


def test_a_clock_that_is_set_right_again_is_believed_again(transport: Transport):
    # Given a correction by an hour
    transport.server.answer(_skewed("RequestTimeTooSkewed", NOON + 3600), ok())
    transport.depth()
    # When somebody sets this machine's clock right, which makes the correction wrong
    transport.local += 3600
    transport.server.answer(_skewed("RequestTimeTooSkewed", NOON + 3600), ok())
    transport.depth()
    # Then the time is right again
    assert transport.server.requests[-1].headers["x-amz-date"] == "20261121T130000Z"


def test_a_refused_signature_at_the_right_time_is_told_at_once(transport: Transport):
    transport.server.answer(_skewed("SignatureDoesNotMatch", NOON + 3))
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        transport.depth()
    assert len(transport.server.requests) == 1


def test_a_service_that_never_agrees_about_the_time_is_asked_twice(transport: Transport):
    transport.server.answer(
        *(_skewed("RequestTimeTooSkewed", NOON + n * 3600) for n in range(1, 5))
    )
    with pytest.raises(ClientError, match="RequestTimeTooSkewed"):
        transport.depth()
    assert len(transport.server.requests) == 2


@pytest.mark.parametrize("date", [None, b"", b"yesterday", b"\xff", b"Sat, 99 Nov 2026"])
def test_a_date_that_makes_no_sense_changes_nothing(date: bytes | None):
    clock = ServiceClock(local=lambda: NOON)
    assert not clock.correct(date)
    assert clock.now() == NOON


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"])
def test_expired_credentials_are_searched_for_anew(transport: Transport, code: str):
    # Given credentials that expire, and others that took their place
    transport.depth()
    transport.seconds += SEARCH_INTERVAL
    transport.found.append(Credentials("NEW", "secret", "token"))
    transport.server.answer(refusal(code, status=403), ok())
    # When a call is made
    transport.depth()
    # Then it was repeated at once with the new ones
    used = [request.headers["authorization"] for request in transport.server.requests]
    assert ["Credential=NEW" in header for header in used] == [False, False, True]
    assert transport.server.requests[-1].headers["x-amz-security-token"] == "token"
    assert transport.pauses == []


def test_credentials_that_refresh_themselves_are_asked_each_time(transport: Transport):
    # Given credentials that change by themselves, as botocore's refreshable ones do
    class Refreshing:
        def __init__(self) -> None:
            self.asked = 0

        def get_frozen_credentials(self) -> Credentials:
            self.asked += 1
            return Credentials(f"KEY{self.asked}", "secret")

    transport.found[:] = [Refreshing()]
    transport.depth()
    transport.depth()
    used = [request.headers["authorization"] for request in transport.server.requests]
    assert ["KEY1" in used[0], "KEY2" in used[1]] == [True, True]


def test_without_better_credentials_the_refusal_is_told(transport: Transport):
    transport.depth()
    transport.seconds += SEARCH_INTERVAL
    transport.server.answer(refusal("ExpiredToken", status=403))
    with pytest.raises(ClientError, match="ExpiredToken"):
        transport.depth()
    assert len(transport.server.requests) == 2


def test_credentials_are_not_searched_for_all_the_time(transport: Transport):
    # Given a refusal just after a search
    transport.depth()
    transport.found.append(Credentials("NEW", "secret"))
    transport.server.answer(refusal("ExpiredToken", status=403))
    # Then nothing is searched, since the places have limits of their own
    with pytest.raises(ClientError, match="ExpiredToken"):
        transport.depth()
    assert len(transport.found) == 1


def test_without_credentials_nothing_is_sent(transport: Transport):
    transport.found.clear()
    with pytest.raises(NoCredentialsError):
        transport.depth()
    assert transport.server.requests == []
