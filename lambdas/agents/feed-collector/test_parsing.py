"""What the agent makes of the bytes of feeds."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from muster import PermanentError
from muster.agent_loader import load_agent
from muster.safe_http import Response

load_agent(Path(__file__).parent)
from muster_agents.feed_collector import feed as feeds  # noqa: E402 - the folder is a package from here on

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
<item><guid isPermaLink="false">n-1</guid><title>One &amp; only</title><link>/one</link>
<pubDate>Sat, 31 Jan 2026 09:00:00 +0100</pubDate><author>ada@example.com (Ada)</author>
<description>&lt;p&gt;Hello &lt;script&gt;alert(1)&lt;/script&gt;&lt;/p&gt;</description></item>
<item><link>http://other.test/two</link><title>Two</title></item></channel></rss>"""
RDF = """<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="http://feeds.test/"><title>News</title></channel>
<item rdf:about="http://feeds.test/one"><title>One</title><link>http://feeds.test/one</link>
<dc:date>2026-01-31T08:00:00Z</dc:date></item></rdf:RDF>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>
<entry><id>urn:one</id><title>One</title><link href="one"/><updated>2026-01-31T08:00:00Z</updated></entry>
</feed>"""
OLD = """<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN"
 "http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91"><channel><title>News</title>
<item><title>One</title><link>http://feeds.test/one</link></item></channel></rss>"""


def parsed(body: str | bytes, *, content_type: str = "application/xml", most: int = 50) -> Any:
    response = Response(
        status=200,
        headers=(("Content-Type", content_type),),
        body=body if isinstance(body, bytes) else body.encode(),
        url="http://feeds.test/dir/feed.xml",
        address="127.0.0.1",
        redirects=(),
        elapsed=timedelta(0),
    )
    return feeds.parse(response, most=most)


def timed(body: str) -> tuple[Any, float]:
    """The feed, and the seconds of work that it took."""
    began = time.process_time()
    feed = parsed(body)
    return feed, time.process_time() - began


def test_rss_2_0_is_read_with_what_its_items_have():
    feed = parsed(RSS)
    first, second = feed.items
    assert feed.title == "News"
    assert (first.item_id, first.title) == ("n-1", "One & only")
    assert first.link == "http://feeds.test/one"
    assert first.published_at == "2026-01-31T08:00:00+00:00"
    assert "Ada" in first.author
    assert "Hello" in first.summary
    assert "script" not in first.summary
    assert (second.item_id, second.published_at) == ("http://other.test/two", None)


@pytest.mark.parametrize(
    ("text", "item_id"),
    [
        (RDF, "http://feeds.test/one"),
        (ATOM, "urn:one"),
        (OLD, "http://feeds.test/one"),
    ],
    ids=["rss 1.0", "atom", "rss 0.91"],
)
def test_other_kinds_of_feeds_are_read(text: str, item_id: str):
    feed = parsed(text)
    assert (feed.title, [item.item_id for item in feed.items]) == ("News", [item_id])


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "utf-8"])
def test_encodings_are_found(encoding: str):
    text = RSS.replace('"1.0"?', f'"1.0" encoding="{encoding}"?').replace("Two", "Grüße")
    assert parsed(text.encode(encoding)).items[1].title == "Grüße"


def test_an_item_is_the_same_at_every_reading_and_once():
    # Given a feed that has an item twice, and once more with another title
    item = "<item><guid>a</guid><title>{}</title></item>"
    feed = f'<rss version="2.0"><channel>{item.format("A")}{item.format("B")}</channel></rss>'
    (only,) = parsed(feed).items
    assert only.item_key == parsed(feed.replace("A", "C")).items[0].item_key


def test_no_more_items_are_kept_than_wanted_and_no_longer_texts():
    items = "".join(
        f'<item><guid isPermaLink="false">{n}</guid><title>{"x" * 9999}</title></item>'
        for n in range(9)
    )
    feed = parsed(f'<rss version="2.0"><channel>{items}</channel></rss>', most=3)
    assert [item.item_id for item in feed.items] == ["0", "1", "2"]
    assert {len(item.title) for item in feed.items} == {500}


@pytest.mark.parametrize("filler", ["<a>", "<a", "&lt;b&gt;"])
def test_what_would_take_a_minute_and_a_gigabyte_is_cut(filler: str):
    # Given a feed of the size that is fetched at most, full of tags, after two items
    head = RSS.partition("</channel>")[0] + "<item><guid>x</guid><description>"
    # When it is read
    feed, used = timed(head + filler * (5_000_000 // len(filler)))
    # Then without what was cut in two
    assert [item.item_id for item in feed.items[:2]] == ["n-1", "http://other.test/two"]
    assert "x" not in [item.item_id for item in feed.items]
    # And within a fraction of the attempt's time, or on a slow machine, in what a fifth of the tags that are
    # looked at suggests
    assert used < 30 or used < 3 * 5 * timed(head + filler * 20_000)[1]


def test_a_feed_without_items_is_a_feed():
    assert parsed('<rss version="2.0"><channel><title>t</title></channel></rss>').items == ()


@pytest.mark.parametrize("body", ["", "hello", "<html><body>Not found</body></html>", "{}"])
def test_what_is_no_feed_fails_for_good(body: str):
    with pytest.raises(PermanentError) as caught:
        parsed(body, content_type="text/html")
    assert caught.value.code == "not_a_feed"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-7"])
def test_a_feed_that_could_blow_up_or_read_files_is_refused(encoding: str):
    # Given entities, of which one grows and one names a file, in encodings that hide them
    entities = (
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/hosts">'
    )
    text = RSS.replace("?><rss", f' encoding="{encoding}"?><!DOCTYPE rss [{entities}]><rss')
    with pytest.raises(PermanentError) as caught:
        parsed(text.replace("Two", "&b;&f;").encode(encoding))
    assert caught.value.code == "feed_entities"


@pytest.mark.parametrize(
    "date", ["yesterday", "Mon, 99 Foo 2026 99:99:99 GMT", "0001-01-01T00:00:00Z"]
)
def test_a_date_that_means_nothing_is_none(date: str):
    assert (
        parsed(RSS.replace("Sat, 31 Jan 2026 09:00:00 +0100", date)).items[0].published_at is None
    )


def test_a_name_of_a_file_is_not_opened():
    with pytest.raises(PermanentError) as caught:
        parsed(str(Path(__file__)))
    assert caught.value.code == "not_a_feed"


def test_the_package_is_the_agent_s_folder():
    assert (
        Path(str(sys.modules["muster_agents.feed_collector.feed"].__file__)).parent
        == Path(__file__).parent
    )
