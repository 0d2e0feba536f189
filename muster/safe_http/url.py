"""A URL taken apart once, strictly: what is judged is what is called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from muster.safe_http.host import Host, parse_host
from muster.safe_http.refusal import Refused, refusal, shown
from muster.safe_http.verdict import Verdict

#: Longest URL, in characters.
LONGEST_URL = 8192

#: Port of each scheme that is spoken.
DEFAULT_PORTS = {"http": 80, "https": 443}

# RFC 3986, appendix B, with the scheme and the authority required.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")
_PORT = re.compile(r"[0-9]{1,10}")
# Control characters of both sets, backslashes (some readers take them for slashes) and lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\\\\\ud800-\udfff]")
_KEPT = "/:@!$&'()*+,;=-._~%?[]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Url:
    """An http or https URL in canonical form."""

    scheme: str
    host: Host
    port: int
    #: Path and query as they are sent: ASCII, at least `/`.
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What credentials are for."""
        return self.scheme, self.host.name, self.port

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        usual = self.port == DEFAULT_PORTS[self.scheme]
        return str(self.host) if usual else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_url(text: object) -> Url:
    """Read a URL; a fragment is dropped, characters beyond ASCII are percent-encoded.

    Raises:
        Refused: it is none that may be called, whatever it is.
    """
    if not isinstance(text, str):
        raise _bad("it is no text")
    if len(text) > LONGEST_URL:
        raise _bad(f"it is longer than {LONGEST_URL} characters")
    if _FORBIDDEN.search(text) or text != text.strip():
        raise _bad("it has control characters, backslashes, or space around it")
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() not in DEFAULT_PORTS:
        raise refusal(
            Verdict.BAD_SCHEME, f"The scheme {shown(scheme[1])} is not called. Use http or https."
        )
    parts = _URL.fullmatch(text)
    if parts is None:
        raise _bad("write it as https://host/path")
    host, port = _authority(parts["authority"], scheme=parts["scheme"].lower())
    target = quote((parts["path"] or "/") + (parts["query"] or ""), safe=_KEPT)
    return Url(scheme=parts["scheme"].lower(), host=host, port=port, target=target)


def _authority(text: str, *, scheme: str) -> tuple[Host, int]:
    if "@" in text:
        raise refusal(
            Verdict.USERINFO,
            "The URL carries credentials. Send them in an Authorization header instead.",
        )
    parts = _AUTHORITY.fullmatch(text)
    if parts is None:
        raise refusal(
            Verdict.BAD_HOST,
            f"The host {shown(text)} cannot be used: an IPv6 address is written in brackets.",
        )
    return parse_host(parts["host"]), _port(parts["port"], default=DEFAULT_PORTS[scheme])


def _port(text: str | None, *, default: int) -> int:
    if not text:
        return default
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= 65535:
        raise refusal(Verdict.BAD_PORT, f"The port {shown(text)} is no number from 1 to 65535.")
    return int(text)


def _bad(why: str) -> Refused:
    # The URL itself is not quoted: its query may hold a secret.
    return refusal(Verdict.BAD_URL, f"The URL cannot be used: {why}.")
