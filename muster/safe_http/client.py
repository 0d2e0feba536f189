"""The client: from a request that nobody vouches for to a response or a verdict, within the limits."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import cached_property

from muster.clock import Clock, SystemClock
from muster.safe_http.allowance import Allowance
from muster.safe_http.call import Call, prepare, time_limit
from muster.safe_http.connection import connect
from muster.safe_http.deadline import Deadline
from muster.safe_http.exchange import Reply, exchange
from muster.safe_http.lookup import Lookup, Resolver, system_resolver
from muster.safe_http.policy import Policy
from muster.safe_http.redirect import follow, is_redirect
from muster.safe_http.refusal import refusal
from muster.safe_http.request import Request
from muster.safe_http.response import Response
from muster.safe_http.tls import make_context
from muster.safe_http.verdict import Verdict


class SafeHttp:
    """Calls URLs that came from outside. Threads may share one; it keeps no connections.

    Args:
        policy: limits; the default is for strangers' URLs.
        resolver: how names become addresses; asked once for each hop, its answer is what is
            connected to. Proxies and everything else in the environment are ignored.
        clock: for the wall-clock limit.
        admit: asked before each hop with its host, in the one spelling that all others become; what it
            raises ends the call. For limits of the caller's own, such as how often a host is called.

    Raises:
        ConfigurationError: `policy.allowed` or `policy.authorities` cannot be read.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        resolver: Resolver = system_resolver,
        clock: Clock | None = None,
        admit: Callable[[str], None] | None = None,
    ) -> None:
        self._admit = admit
        self._policy = policy or Policy()
        self._clock = clock or SystemClock()
        allowance = Allowance.of(self._policy.allowed, only=self._policy.only_allowed)
        self._lookup = Lookup(resolver=resolver, allowance=allowance)
        if self._policy.authorities is not None:
            self._tls  # noqa: B018  # bad PEM is told when the client is made

    def check(self, request: Request) -> None:
        """Judge what can be judged without the network, as when a job is accepted.

        Raises:
            Refused: `fetch` would refuse it too.
        """
        time_limit(request.timeout, self._policy)
        call = prepare(request, self._policy)
        self._lookup.judge_host(call.url.host)

    def fetch(self, request: Request) -> Response:
        """Call the URL; redirects are followed as the policy has it.

        An answer of any status is a response. Not retried, not cached.

        Raises:
            RefusedForGood: the request, its target or its answer is not allowed.
            RefusedForNow: the network or the other side failed.
        """
        limit = time_limit(request.timeout, self._policy)
        deadline = Deadline(clock=self._clock, seconds=limit)
        call = prepare(request, self._policy)
        passed: list[str] = []
        while True:
            reply, address = self._hop(call, deadline)
            location = reply.header("location")
            if location is None or not is_redirect(reply.status, location):
                return Response(
                    status=reply.status,
                    headers=reply.headers,
                    body=reply.body,
                    url=str(call.url),
                    address=address,
                    redirects=tuple(passed),
                    elapsed=deadline.elapsed,
                )
            self._check_count(len(passed), call)
            passed.append(str(call.url))
            call = follow(call, status=reply.status, location=location, policy=self._policy)

    def _hop(self, call: Call, deadline: Deadline) -> tuple[Reply, str]:
        self._lookup.judge_host(call.url.host)
        if self._admit is not None:
            self._admit(call.url.host.name)
        addresses = self._lookup.addresses(call.url.host, port=call.url.port, deadline=deadline)
        context = self._tls if call.url.scheme == "https" else None
        sock, address = connect(call.url, addresses=addresses, deadline=deadline, context=context)
        with sock:
            return exchange(sock, call, policy=self._policy, deadline=deadline), str(address)

    def _check_count(self, passed: int, call: Call) -> None:
        most = self._policy.max_redirects
        if most == 0:
            raise refusal(
                Verdict.REDIRECT_REFUSED, f"{call.url.authority} redirects, which is not followed."
            )
        if passed >= most:
            raise refusal(
                Verdict.TOO_MANY_REDIRECTS,
                f"{call.url.authority} redirects again after {most} redirects.",
            )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return make_context(self._policy.authorities)
