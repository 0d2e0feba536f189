"""A connection to a judged address, and to no other."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

from muster.safe_http.address import Address
from muster.safe_http.deadline import Deadline
from muster.safe_http.refusal import refusal
from muster.safe_http.url import Url
from muster.safe_http.verdict import Verdict


def connect(
    url: Url, *, addresses: Sequence[Address], deadline: Deadline, context: ssl.SSLContext | None
) -> tuple[socket.socket, Address]:
    """An open connection to the first address that accepts one; the caller closes it.

    Args:
        addresses: judged ones; each gets an even share of the time that is left.
        context: for https; the certificate is verified for the URL's host.

    Raises:
        Refused: none accepts, or TLS fails, or time is up.
    """
    deadline.phase = "connecting"
    problem: OSError | None = None
    for index, address in enumerate(addresses):
        share = deadline.remaining() / (len(addresses) - index)
        try:
            plain = _open(address, port=url.port, seconds=share)
        except OSError as exc:
            problem = exc
            continue
        return (_secure(plain, url, deadline, context) if context else plain), address
    deadline.remaining()
    raise refusal(
        Verdict.CONNECT_FAILED, f"{url.authority} accepts no connection: {problem}."
    ) from problem


def _open(address: Address, *, port: int, seconds: float) -> socket.socket:
    """A TCP connection; the address is given as digits, so nothing is looked up again."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    plain = socket.socket(family, socket.SOCK_STREAM)
    try:
        plain.settimeout(seconds)
        plain.connect((str(address), port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        plain.close()
        raise
    return plain


def _secure(
    plain: socket.socket, url: Url, deadline: Deadline, context: ssl.SSLContext
) -> socket.socket:
    deadline.phase = "TLS handshake"
    try:
        plain.settimeout(deadline.remaining())
        # The name goes into SNI and must be in the certificate; an address must be in it as one.
        return context.wrap_socket(plain, server_hostname=url.host.name)
    except ssl.SSLCertVerificationError as exc:
        plain.close()
        raise refusal(
            Verdict.CERTIFICATE_REFUSED,
            f"The certificate of {url.authority} is refused: {exc.verify_message}",
        ) from exc
    except TimeoutError as exc:
        plain.close()
        raise deadline.passed() from exc
    except (OSError, ValueError) as exc:
        plain.close()
        raise refusal(Verdict.TLS_FAILED, f"TLS with {url.authority} failed: {exc}.") from exc
    except BaseException:
        plain.close()
        raise
