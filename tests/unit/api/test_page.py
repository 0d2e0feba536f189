"""The page of the API: everything the document says, nothing from elsewhere, and nothing that runs."""

from __future__ import annotations

import base64
import hashlib
import re

from muster.api.page import headers, page
from muster.api.routes import ROUTES


def test_every_operation_and_every_schema_is_on_it_once():
    text = page()
    for route in ROUTES:
        assert text.count(f'id="{route.name}"') == 1
    ids = re.findall(r'id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert links <= set(ids)


def test_it_loads_nothing_and_runs_nothing():
    text = page()
    for tag in (
        "<script",
        "<img",
        "<link",
        "<iframe",
        "<object",
        "javascript:",
        " on",
        "@import",
        "url(",
    ):
        assert tag not in re.sub(
            r"<pre>.*?</pre>|<td>[^<]*</td>|<p>[^<]*</p>", "", text, flags=re.DOTALL
        ), tag
    assert set(re.findall(r'href="([^#"][^"]*)"', text)) == {"/openapi.json"}


def test_its_policy_lets_a_browser_use_its_one_style_and_nothing_else():
    (style,) = re.findall(r"<style>(.*?)</style>", page(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = headers()["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
