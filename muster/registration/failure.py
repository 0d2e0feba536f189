"""Why a registration failed, in words that fit CloudFormation's reply."""

from __future__ import annotations

from muster.errors import MusterError

#: CloudFormation takes replies of 4,096 bytes in all; the framework adds its own lines to a reason.
MAX_REASON_BYTES = 900


class RegistrationFailed(MusterError):
    """The registration was refused; the registry is as it was."""

    code = "registration_failed"

    def __init__(self, message: str) -> None:
        #: The whole message, for the log; the exception's own text is cut to fit the reply.
        self.reason = message
        super().__init__(shorten(message))


def shorten(reason: str, *, limit: int = MAX_REASON_BYTES) -> str:
    """The reason in at most so many bytes of UTF-8."""
    encoded = reason.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    more = " ... (the rest is in the function's log)"
    return encoded[: limit - len(more)].decode("utf-8", "ignore") + more
