"""The demo's web server: on loopback, where the local stage lets agents call, and gone afterwards."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest

from local.demo.web import served
from local.errors import LocalCloudError
from local.ports import choose
from stacks.outbound import LOCAL_SERVER_PORTS

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def test_it_serves_a_page_and_a_feed_of_its_own_for_each_path():
    # Given the server
    with served() as url:
        assert int(url.rpartition(":")[2]) in LOCAL_SERVER_PORTS
        # When its pages are called
        page = OPENER.open(f"{url}/page").read()
        feeds = [OPENER.open(f"{url}/feed/{run}").read().decode() for run in ("a", "b")]
        with pytest.raises(urllib.error.HTTPError) as missing:
            OPENER.open(f"{url}/else")
        missing.value.close()
    # Then there is a text, and two feeds with other items
    assert page == b"Good morning."
    assert [feed.count("<item>") for feed in feeds] == [3, 3]
    assert feeds[0] != feeds[1]
    assert missing.value.code == 404


def test_it_takes_another_port_when_one_is_taken_and_says_when_all_are():
    # Given a port that somebody uses
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        # When that is the only one
        # Then the error names it
        with pytest.raises(LocalCloudError, match=f"None of the ports {port} to {port} is free"):
            served([port]).__enter__()
        # And with another beside it, that is taken
        free = choose(None)
        with served([port, free]) as other:
            assert other.endswith(f":{free}")
