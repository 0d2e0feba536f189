"""Where an answer sends the caller, and what may be taken along."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urljoin

from muster.safe_http.call import Call, permitted
from muster.safe_http.header import harmless
from muster.safe_http.policy import Policy
from muster.safe_http.refusal import Refused, refusal
from muster.safe_http.url import LONGEST_URL, Url, parse_url
from muster.safe_http.verdict import Verdict

#: Statuses whose Location is the resource's place; 300 offers a choice and may prefer one.
REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})

# What has a scheme is read as it stands: `urljoin` would repair `http:` and `http://`.
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def is_redirect(status: int, location: str | None) -> bool:
    """Whether the answer sends the caller elsewhere."""
    return status in REDIRECTS and location is not None


def follow(call: Call, *, status: int, location: str, policy: Policy) -> Call:
    """The call that the redirect asks for, judged like a first one; its addresses are judged later.

    Method and body change as browsers change them. To another origin only headers go that hold no
    credentials, and they do not come back on the way home.

    Raises:
        Refused: the target is no URL, refused, or would send over plain http what came by https.
    """
    url = permitted(_target(call.url, location), policy)
    if call.url.scheme == "https" and url.scheme == "http":
        raise refusal(
            Verdict.DOWNGRADE_REFUSED,
            f"{call.url.authority} redirects from https to http. Ask for the final URL.",
        )
    headers = call.headers if url.origin == call.url.origin else harmless(call.headers)
    if status == 303 or (status in {300, 301, 302} and call.method == "POST"):
        method = "HEAD" if call.method == "HEAD" else "GET"
        kept = tuple(pair for pair in headers if not pair[0].lower().startswith("content-"))
        return replace(call, url=url, method=method, headers=kept, body=None)
    return replace(call, url=url, headers=headers)


def _target(base: Url, location: str) -> Url:
    """The URL that a Location names.

    Raises:
        Refused: BAD_REDIRECT for what cannot be joined, else what is wrong with the joined URL.
    """
    text = _decoded(location)
    nowhere = refusal(Verdict.BAD_REDIRECT, f"{base.authority} redirects to what is no URL.")
    # Checked first: `urljoin` drops control characters.
    if not text or len(text) > LONGEST_URL or any(char < " " for char in text):
        raise nowhere
    try:
        return parse_url(text if _ABSOLUTE.match(text) else urljoin(str(base), text))
    except ValueError as exc:
        raise nowhere from exc
    except Refused as exc:
        if exc.verdict is Verdict.BAD_URL:
            raise nowhere from exc
        raise


def _decoded(location: str) -> str:
    """The header's bytes as UTF-8, which servers use beyond ASCII, or as they are."""
    try:
        return location.encode("iso-8859-1").decode()
    except UnicodeError:
        return location
