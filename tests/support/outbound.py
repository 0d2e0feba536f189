"""Clients for servers on loopback, and what becomes of their calls."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self

from muster.safe_http import Policy, Refused, Request, SafeHttp
from tests.support.web import HERE, Site


class Names:
    """A resolver that knows what a test tells it, and counts what it is asked."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.asked: list[str] = []
        self._answers = answers

    def __call__(self, name: str, port: int) -> Sequence[str]:
        self.asked.append(name)
        label = name.partition(".")[0]
        if label not in self._answers:
            raise OSError("unknown name")
        return self._answers[label]


def client(
    *sites: Site, names: Names | None = None, seconds: float = 20, **policy: Any
) -> SafeHttp:
    """A client that may call loopback on these sites' ports: `site.test` is there, and nothing else."""
    policy.setdefault("allowed", (HERE,))
    policy.setdefault("ports", frozenset({site.port for site in sites} | {80, 443}))
    return SafeHttp(
        Policy(timeout=timedelta(seconds=seconds), **policy),
        resolver=names or Names(site=[HERE]),
    )


def verdict_of(http: SafeHttp, url: str, **request: Any) -> str:
    """How a fetch ends: the verdict's code, or the response's status."""
    try:
        return str(http.fetch(Request(url=url, **request)).status)
    except Refused as refused:
        return refused.verdict.value


class Stopwatch:
    """Wall-clock seconds of a block."""

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._start
