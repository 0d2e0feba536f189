"""The duty that asks agents which run elsewhere whether they are well.

What the stage lets nobody call is not asked. Nothing is held meanwhile: endpoints are taken in one
statement, asked side by side outside of any transaction, and what they said is written in another.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from muster.dispatcher.endpoint import Endpoint, Finding
from muster.outbound import Outbound
from muster.store.connection import Database
from muster.store.statements import statements

if TYPE_CHECKING:
    from muster.safe_http import SafeHttp

#: An endpoint that has not answered by then, redirects included, is not healthy.
PATIENCE = timedelta(seconds=2)

#: Most of an answer that is read, in bytes.
MOST_BYTES = 64 * 1024

#: A check is due so long before its interval ends: a tick that comes early must not leave it for the next.
EARLY = timedelta(seconds=15)

#: Rounds of questions in a page. A tick looks at its clock between pages, so they must be short.
ROUNDS = 2


class Endpoints:
    """The duty on one database.

    Args:
        outbound: whom the stage lets be called.
        connections: questions on their way at once.
        patience: time that an endpoint has for its answer.
    """

    def __init__(
        self,
        *,
        database: Database,
        outbound: Outbound,
        connections: int,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._database = database
        self._outbound = outbound
        self._connections = connections
        self._patience = patience
        self._sql = statements("endpoints")

    def page(self) -> int:
        """Ask those whose time it is; how many that were.

        Raises:
            StoreUnavailable: what is not written down is asked again when its time comes.
        """
        rows = self._database.run(
            self._sql["endpoints_due"],
            {"early_seconds": EARLY.total_seconds(), "page": ROUNDS * self._connections},
        )
        if not rows:
            return 0
        endpoints = [Endpoint(agent_id=a, url=u, health_check=h) for a, u, h in rows]
        with ThreadPoolExecutor(max_workers=self._connections) as pool:
            findings = list(pool.map(self._ask, endpoints))
        self._database.run(
            self._sql["endpoints_checked"],
            {
                "agent_ids": [endpoint.agent_id for endpoint in endpoints],
                "urls": [endpoint.url for endpoint in endpoints],
                "healthy": [finding.healthy for finding in findings],
                "reasons": [finding.reason for finding in findings],
            },
        )
        return len(rows)

    def _ask(self, endpoint: Endpoint) -> Finding:
        from muster.safe_http import Refused, Request

        try:
            answer = self._http.fetch(Request(url=endpoint.question))
        except Refused as refused:
            answer = refused
        return endpoint.judge(answer, strangers=self._outbound.external)

    @cached_property
    def _http(self) -> SafeHttp:
        from muster.safe_http import Policy

        return self._outbound.client(
            Policy(timeout=self._patience, max_bytes=MOST_BYTES, methods=frozenset({"GET"}))
        )
