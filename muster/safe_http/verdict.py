"""Every way in which an outbound call ends without an answer, each with a stable code."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Verdict(StrEnum):
    """Why there is no response. The value is stored as `error.code`; its docstring says what it means."""

    _value_: str
    #: Whether another attempt may end differently.
    passing: bool

    def __new__(cls, code: str, meaning: str, passing: bool = False) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.__doc__ = meaning
        member.passing = passing
        return member

    # The request, judged before anything leaves the machine.
    BAD_URL = (
        "bad_url",
        "No URL: not text, too long, without `//`, or with backslashes or control characters.",
    )
    BAD_SCHEME = ("bad_scheme", "The scheme is neither `http` nor `https`.")
    USERINFO = ("userinfo", "The URL carries a user name or password; send them as a header.")
    BAD_HOST = ("bad_host", "The host is neither a name nor an address, in any spelling.")
    ZONE = ("zone", "The address has a zone id, which names a network interface of this machine.")
    BAD_PORT = ("bad_port", "The port is no number from 1 to 65535.")
    PORT_REFUSED = ("port_refused", "The port is not one of the policy's.")
    METHOD_REFUSED = ("method_refused", "The method is not one of the policy's.")
    HEADER_REFUSED = (
        "header_refused",
        "A header is malformed, too large, or not the caller's to set.",
    )
    BODY_REFUSED = ("body_refused", "The body is not bytes, too large, or the method takes none.")
    BAD_TIMEOUT = ("bad_timeout", "The timeout is no positive number of seconds.")

    # What this agent may call at all.
    EGRESS_NONE = ("egress_none", 'The agent\'s manifest says `egress = "none"`.')
    EXTERNAL_REQUESTS_OFF = (
        "external_requests_off",
        "The stage does not let its agents call strangers: `ALLOW_EXTERNAL_REQUESTS` is not `yes`.",
    )

    # Where the name leads.
    DNS_FAILED = ("dns_failed", "The name has no address, or the lookup failed.", True)
    SPECIAL_ADDRESS = (
        "special_address",
        "An address of the host is not globally reachable by the IANA registries.",
    )
    METADATA_ADDRESS = (
        "metadata_address",
        "An address of the host is a cloud's own service, such as the one for credentials.",
    )

    # The connection.
    TIMED_OUT = ("timed_out", "The wall-clock limit passed; the message names the phase.", True)
    CONNECT_FAILED = ("connect_failed", "None of the addresses accepted a connection.", True)
    CERTIFICATE_REFUSED = (
        "certificate_refused",
        "The certificate is not valid for the name: other name, expired, or unknown authority.",
    )
    TLS_FAILED = ("tls_failed", "The TLS handshake failed for another reason.", True)
    CONNECTION_LOST = (
        "connection_lost",
        "The connection broke before the answer was complete.",
        True,
    )

    # The answer.
    BAD_RESPONSE = ("bad_response", "The answer is not HTTP/1.", True)
    HEADERS_TOO_LARGE = ("headers_too_large", "The answer's headers exceed the limit.")
    TOO_LARGE = ("too_large", "The answer's body exceeds the limit, as sent or decompressed.")
    BAD_ENCODING = (
        "bad_encoding",
        "The body is not what its Content-Encoding says, or that is none we asked for.",
    )
    TRUNCATED = ("truncated", "The body ended before its announced end.", True)

    # Redirects. One that leads to a refused URL or address has that verdict.
    BAD_REDIRECT = ("bad_redirect", "The redirect's Location is no URL.")
    REDIRECT_REFUSED = ("redirect_refused", "The policy follows no redirects.")
    DOWNGRADE_REFUSED = ("downgrade_refused", "The redirect leads from https to http.")
    TOO_MANY_REDIRECTS = (
        "too_many_redirects",
        "The answer redirects more often than the policy follows.",
    )
