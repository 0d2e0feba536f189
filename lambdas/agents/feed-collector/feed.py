"""A feed's bytes as items: RSS 0.9 to 2.0 and Atom, by feedparser, with bounds on everything."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import feedparser
from feedparser.encodings import convert_to_utf8

from muster import PermanentError
from muster.safe_http import Response

#: Longest texts that are kept, in characters.
_TITLE, _LINK, _AUTHOR, _SUMMARY = 500, 2000, 200, 4000

#: Tags that are looked at, those of HTML in it included. feedparser takes time and memory for each: without a
#: bound 5 MiB of `<a>` would take it a minute and a gigabyte.
_MOST_TAGS = 100_000
_TAG = re.compile(rb"<|&lt;")


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One entry of a feed."""

    #: Digest of what the feed calls it: the same at every reading.
    item_key: str
    item_id: str
    title: str | None
    link: str | None
    author: str | None
    #: HTML without scripts, as feedparser leaves it.
    summary: str | None
    #: ISO 8601, UTC.
    published_at: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """What is kept of a feed."""

    title: str | None
    items: tuple[Item, ...]


def parse(response: Response, *, most: int) -> Feed:
    """The newest items of a feed, in its own order, each once.

    Raises:
        PermanentError: it is no feed, or it declares entities, which could blow it up.
    """
    headers = {"content-type": response.header("content-type") or "application/xml"}
    text = convert_to_utf8(headers, response.body, {})
    if b"<!entity" in text.lower():
        raise PermanentError("The feed declares entities of its own.", code="feed_entities")
    beginning = _beginning(text)
    # A stream: a text or bytes could be taken for a name of a file.
    parsed: Any = feedparser.parse(
        io.BytesIO(beginning),
        response_headers={
            "content-type": "application/xml; charset=utf-8",
            "content-location": response.url,
        },
    )
    if not parsed.version and not parsed.entries:
        raise PermanentError("That is no RSS or Atom feed.", code="not_a_feed")
    # Where the feed was cut, its last entry may be half of one.
    whole = parsed.entries if beginning is text else parsed.entries[:-1]
    items = {item.item_key: item for item in map(_item, whole[:most])}
    return Feed(title=_text(parsed.feed.get("title"), _TITLE), items=tuple(items.values()))


def _beginning(text: bytes) -> bytes:
    """As much of a feed as is looked at: most have their newest items there."""
    first_not = next(islice(_TAG.finditer(text), _MOST_TAGS, None), None)
    return text if first_not is None else text[: first_not.start()]


def _item(entry: dict[str, Any]) -> Item:
    title, link = _text(entry.get("title"), _TITLE), _text(entry.get("link"), _LINK)
    summary = _text(entry.get("summary"), _SUMMARY)
    known_as = str(entry.get("id") or link or f"{title}\n{summary}")
    return Item(
        item_key=hashlib.sha256(known_as.encode("utf-8", "replace")).hexdigest(),
        item_id=known_as[:_LINK],
        title=title,
        link=link,
        author=_text(entry.get("author"), _AUTHOR),
        summary=summary,
        # Asked as a plain mapping: feedparser's own answers `updated` with `published`, and warns.
        published_at=_moment(
            dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
        ),
    )


def _text(value: object, most: int) -> str | None:
    return value[:most] if isinstance(value, str) and value else None


def _moment(parsed: Any) -> str | None:
    """A time as feedparser gives it; what is no time of these centuries is none."""
    try:
        moment = datetime(*parsed[:6], tzinfo=UTC)
    except (TypeError, ValueError):
        return None
    return moment.isoformat() if moment.year >= 1900 else None
