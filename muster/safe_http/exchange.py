"""One request and its answer over an open connection, in HTTP/1.1."""

from __future__ import annotations

import contextlib
import http.client
import socket
from dataclasses import dataclass

from muster.safe_http.call import Call
from muster.safe_http.content import ACCEPT_ENCODING, Content
from muster.safe_http.deadline import Deadline
from muster.safe_http.policy import Policy
from muster.safe_http.redirect import is_redirect
from muster.safe_http.refusal import Refused, refusal
from muster.safe_http.verdict import Verdict
from muster.safe_http.wire import Wire

#: Of status line and headers together, interim answers included, in bytes.
MOST_HEADER_BYTES = 128 * 1024

#: Interim answers (1xx) before the one that counts.
MOST_INTERIM = 8

# Bytes on the wire for a byte of the body: chunks that cost more than this are no honest ones.
_MOST_OVERHEAD = 2

_PIECE = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer as HTTP has it; of a redirect, only its head."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that lower-case name."""
        return next((value for key, value in self.headers if key.lower() == name), None)


def exchange(sock: socket.socket, call: Call, *, policy: Policy, deadline: Deadline) -> Reply:
    """Send the call, read the answer.

    Raises:
        Refused: whatever keeps the answer from being complete and within the limits.
    """
    wire = Wire(sock, deadline=deadline, allowance=MOST_HEADER_BYTES)
    try:
        _send(wire, call, policy, deadline)
        deadline.phase = "waiting for the headers"
        response = _receive(wire, call.method)
        wire.allow(policy.max_bytes * _MOST_OVERHEAD + MOST_HEADER_BYTES)
        deadline.phase = "reading the body"
        onward = is_redirect(response.status, response.getheader("Location"))
        body = b"" if onward else _body(response, policy, deadline)
    except http.client.HTTPException as exc:
        raise _protocol_problem(exc, call) from exc
    except ValueError as exc:
        raise refusal(Verdict.BAD_RESPONSE, f"{call.url.authority} does not speak HTTP/1.") from exc
    except OSError as exc:
        raise refusal(
            Verdict.CONNECTION_LOST, f"The connection to {call.url.authority} broke: {exc}."
        ) from exc
    headers = tuple((name, " ".join(value.split())) for name, value in response.getheaders())
    return Reply(status=response.status, headers=headers, body=body)


def _send(wire: Wire, call: Call, policy: Policy, deadline: Deadline) -> None:
    """Send head and body; a server that answers before it has read everything is listened to."""
    deadline.phase = "sending the request"
    # Where sending breaks off, reading finds what the server said, or that it said nothing.
    with contextlib.suppress(OSError):
        wire.send(_head(call, policy))
        wire.send(call.body or b"")


def _head(call: Call, policy: Policy) -> bytes:
    own = {
        "Host": call.url.authority,
        "Accept-Encoding": ACCEPT_ENCODING,
        "Connection": "close",
    }
    given = {name.lower() for name, _ in call.headers}
    if "user-agent" not in given and policy.user_agent:
        own["User-Agent"] = policy.user_agent
    if "accept" not in given:
        own["Accept"] = "*/*"
    if call.body is not None or call.method in {"POST", "PUT", "PATCH"}:
        own["Content-Length"] = str(len(call.body or b""))
    lines = [f"{call.method} {call.url.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*own.items(), *call.headers)]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _receive(wire: Wire, method: str) -> http.client.HTTPResponse:
    for _ in range(MOST_INTERIM + 1):
        # A wire makes the files that are asked of a socket.
        response = http.client.HTTPResponse(wire, method=method)  # pyright: ignore[reportArgumentType]  # a wire makes files like a socket
        response.begin()
        if response.status >= 200:
            return response
    raise http.client.BadStatusLine("no final status")


def _body(response: http.client.HTTPResponse, policy: Policy, deadline: Deadline) -> bytes:
    coding = response.getheader("Transfer-Encoding", "chunked").strip().lower()
    if coding != "chunked":
        raise http.client.UnknownTransferEncoding(coding)
    announced = response.length
    if announced is not None and announced > policy.max_bytes:
        raise _too_large(policy)
    encoding = response.getheader("Content-Encoding", "")
    content: Content | None = None
    received = 0
    while piece := response.read(_PIECE):
        received += len(piece)
        if received > policy.max_bytes:
            raise _too_large(policy)
        content = content or Content(encoding=encoding, limit=policy.max_bytes, deadline=deadline)
        content.feed(piece)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return content.finish() if content else b""


def _too_large(policy: Policy) -> Refused:
    return refusal(Verdict.TOO_LARGE, f"The body is larger than {policy.max_bytes} bytes.")


def _protocol_problem(exc: http.client.HTTPException, call: Call) -> Refused:
    where = call.url.authority
    if isinstance(exc, http.client.RemoteDisconnected):
        return refusal(Verdict.CONNECTION_LOST, f"{where} closed the connection without an answer.")
    if isinstance(exc, http.client.IncompleteRead):
        return refusal(Verdict.TRUNCATED, f"The body of {where} ended before its announced end.")
    # For too many headers, http.client has no class of its own.
    if isinstance(exc, http.client.LineTooLong) or type(exc) is http.client.HTTPException:
        return refusal(Verdict.HEADERS_TOO_LARGE, f"{where} sends headers beyond the limit.")
    return refusal(Verdict.BAD_RESPONSE, f"{where} does not speak HTTP/1.")
