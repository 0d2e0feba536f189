"""Why a call did not succeed, and what can be done about it: decisions only."""

from __future__ import annotations

from enum import StrEnum

#: What botocore's standard mode tries again: passing faults of the service.
TRANSIENT_CODES = frozenset(
    {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"}
)
TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})

#: The same for a service that asks for fewer calls.
THROTTLING_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
    }
)
THROTTLING_STATUSES = frozenset({429})

#: Refusals that a wrong clock causes; some of them have other causes too.
SKEW_CODES = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)

#: Refusals of credentials that were good once, or are not good everywhere yet.
EXPIRED_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
    }
)


class Cause(StrEnum):
    """What went wrong, as far as it decides what comes next."""

    #: The connection, or the service, failed in passing.
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    #: The request's time is not the service's; which only holds when the clocks do differ.
    SKEW = "skew"
    #: The credentials are not taken any more.
    EXPIRED = "expired"
    #: The same call would fail again.
    FINAL = "final"


def cause(status: int, code: str) -> Cause:
    """The cause of an answer that is no success."""
    if code in THROTTLING_CODES or status in THROTTLING_STATUSES:
        return Cause.THROTTLED
    if code in TRANSIENT_CODES or status in TRANSIENT_STATUSES:
        return Cause.TRANSIENT
    if code in EXPIRED_CODES:
        return Cause.EXPIRED
    return Cause.SKEW if code in SKEW_CODES else Cause.FINAL
