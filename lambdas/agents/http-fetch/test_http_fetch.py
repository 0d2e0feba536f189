"""The agent as its worker calls it, with servers on loopback."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from muster import Job, RetryLater
from muster.agent_loader import load_agent
from muster.outbound import Outbound
from muster.safe_http import Refused
from tests.support.web import HERE, Site, answer, by_path, redirect, site

fetch = load_agent(Path(__file__).parent)


class Turnstile:
    """A database that lets every call pass, or makes it wait."""

    def __init__(self, wait: float = 0) -> None:
        self.wait = wait
        self.asked: list[Mapping[str, Any]] = []

    def run(self, name: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        if name == "take":
            self.asked.append(params or {})
        return [(self.wait,)]


def job(*sites: Site, database: Turnstile | None = None, **params: Any) -> Job:
    return Job(
        id="job-1",
        params={"url": f"http://{HERE}:{sites[0].port}/" if sites else "", **params},
        config={"requests_per_second": 2, "burst": 5},
        database=database or Turnstile(),
        outbound=Outbound(addresses=(HERE,), ports=tuple(s.port for s in sites)),
    )


def test_an_answer_is_kept_with_its_status_headers_and_text():
    script = answer(
        "Grüße".encode("latin-1"),
        status="404 Not Found",
        headers=("Content-Type: text/plain; charset=latin-1", "X-One: a", "X-One: b"),
    )
    with site(script) as served:
        result = fetch(job(served))
    assert (result["status"], result["body"], result["bytes"]) == (404, "Grüße", 5)
    assert result["headers"]["x-one"] == "a, b"
    assert result["url"] == f"http://{HERE}:{served.port}/"


def test_what_is_no_text_is_kept_as_base64():
    with site(answer(b"\x89PNG\xff")) as served:
        result = fetch(job(served))
    assert "body" not in result
    assert base64.b64decode(result["body_base64"]) == b"\x89PNG\xff"


@pytest.mark.parametrize("named", ["x" * 100, "no-such-charset", "idna"])
def test_a_charset_that_means_nothing_harms_nobody(named: str):
    with site(
        answer(b"text\xff", headers=(f"Content-Type: text/plain; charset={named}",))
    ) as served:
        assert fetch(job(served))["status"] == 200


def test_a_call_that_changes_something_carries_the_same_key_at_every_attempt():
    with site(answer(b"done")) as served:
        for _ in range(2):
            fetch(job(served, method="post", body="ä", headers={"X-A": "1"}))
        fetch(job(served, method="POST", headers={"idempotency-key": "mine"}))
        fetch(job(served))
    keys = [received.headers.get("idempotency-key") for received in served.received]
    assert keys[0] == keys[1] != None  # noqa: E711 - one comparison of three
    assert keys[2:] == ["mine", None]
    assert served.received[0].body == "ä".encode()
    assert served.received[0].headers["x-a"] == "1"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"url": "http://169.254.169.254/latest/meta-data/"}, "metadata_address"),
        ({"url": "http://10.0.0.1/"}, "special_address"),
        ({"url": "http://2852039166/"}, "metadata_address"),
        ({"url": "http://example.com/"}, "external_requests_off"),
        ({"url": "ftp://example.com/"}, "bad_scheme"),
        ({"url": "http://example.com/", "method": "TRACE"}, "method_refused"),
        ({"url": "http://example.com/", "headers": {"Host": "other"}}, "header_refused"),
        ({"url": "http://example.com:22/"}, "port_refused"),
    ],
)
def test_a_refusal_fails_the_job_with_the_code_of_its_verdict(params: dict[str, Any], code: str):
    turnstile = Turnstile()
    with pytest.raises(Refused) as caught:
        fetch(job(database=turnstile, **params))
    assert caught.value.code == code
    # And no rate was touched for it
    assert turnstile.asked == []


def test_a_stage_that_says_nothing_lets_nothing_out():
    with site(answer()) as served, pytest.raises(Refused) as caught:
        fetch(Job(id="j", params={"url": f"http://{HERE}:80/"}, config=job(served).config))
    assert caught.value.code == "special_address"


def test_every_hop_of_a_redirect_counts_against_its_host():
    # Given a server that redirects to another name of the same machine
    with site(by_path(a=redirect("/b"), b=answer(b"there"))) as served:
        turnstile = Turnstile()
        result = fetch(job(served, database=turnstile, url=f"http://{HERE}:{served.port}/a"))
    assert result["body"] == "there"
    assert [asked["host"] for asked in turnstile.asked] == [HERE, HERE]


def test_a_call_that_must_wait_gives_its_attempt_back_and_remembers_its_turn():
    saved: list[Any] = []
    with site(answer()) as served:
        waiting = job(served, database=Turnstile(wait=1.5))
        with pytest.raises(RetryLater) as caught:
            fetch(Job(**{**_fields(waiting), "save": saved.append}))
        assert (caught.value.after.total_seconds(), caught.value.snooze) == (1.5, True)
        assert saved == [{"turns": [HERE]}]
        assert served.received == []
        # When it comes back with what it saved / Then it says that it was told to
        turnstile = Turnstile()
        again = job(served, database=turnstile)
        fetch(Job(**{**_fields(again), "state": saved[0]}))
    assert turnstile.asked[0] == {"host": HERE, "interval": 0.5, "burst": 5, "promised": True}


def _fields(one: Job) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Job.__dataclass_fields__}
