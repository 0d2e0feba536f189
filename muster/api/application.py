"""The API of one process: Powertools finds the route, everything else is the same for each of them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from muster.api.answer import Answer
from muster.api.gate import admit, remembered
from muster.api.problem import Problem, unavailable
from muster.api.request import Request
from muster.api.route import Call, Route
from muster.errors import MusterError, QueueUnavailable, StoreUnavailable
from muster.ports import SecretsUnavailable
from muster.store.migration import SchemaError

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from muster.api.services import Services

#: What is away for a while, not wrong.
_AWAY = (StoreUnavailable, QueueUnavailable, SecretsUnavailable, SchemaError)


class Application:
    """Answers calls of an HTTP API."""

    def __init__(self, *, routes: Sequence[Route], services: Services) -> None:
        self._routes = routes
        self.services = services
        self._resolver = self._build()
        # On their way to a single round trip these pass no router.
        self._direct = {(r.method, r.path): r for r in routes if r.at_once is not None}

    def answer(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """What API Gateway is to send for an event (payload 2.0). It never raises."""
        route = self._direct.get((event["requestContext"]["http"]["method"], event["rawPath"]))
        if route is not None:
            return self._guarded(route, event, {}).to_gateway()
        return self._resolver.resolve(dict(event), context)

    def _build(self) -> APIGatewayHttpResolver:
        from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

        resolver = APIGatewayHttpResolver()
        for route in self._routes:
            resolver.route(route.pattern, route.method)(self._acting(resolver, route))
        # Powertools leaves the type of its decorator open.
        cast("Any", resolver).not_found(self._otherwise(resolver))
        return resolver

    def _otherwise(self, resolver: APIGatewayHttpResolver) -> Callable[..., Response[Any]]:
        def otherwise(_: Exception) -> Response[Any]:
            return _response(self._elsewhere(resolver.current_event.raw_event))

        return otherwise

    def _acting(
        self, resolver: APIGatewayHttpResolver, route: Route
    ) -> Callable[..., Response[Any]]:
        def act(**values: str) -> Response[Any]:
            event = resolver.current_event.raw_event
            return _response(self._guarded(route, event, values))

        return act

    def _guarded(self, route: Route, event: Mapping[str, Any], values: Mapping[str, str]) -> Answer:
        log = self.services.log
        try:
            answer = self._act(route, event, values)
        except Problem as problem:
            answer = Answer.of(problem)
        except _AWAY as error:
            log.warning("not available", extra={"operation": route.name, "reason": error.code})
            answer = Answer.of(unavailable("something that this needs is away; try again soon"))
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets a problem document
            self._log_fault(route, error)
            answer = Answer.of(Problem(500, "internal", "this is our fault; the log says more"))
        if answer.status >= HTTPStatus.BAD_REQUEST:  # the access log has the others, too
            log.info("call refused", extra={"operation": route.name, "status": answer.status})
        return answer

    def _log_fault(self, route: Route, error: Exception) -> None:
        # Without its text: a driver's error may quote what the caller sent.
        code = error.code if isinstance(error, MusterError) else type(error).__name__
        self.services.log.error(
            "call failed",
            extra={
                "operation": route.name,
                "reason": code,
                "stack": "".join(traceback.format_tb(error.__traceback__)),
            },
        )

    def _act(self, route: Route, event: Mapping[str, Any], values: Mapping[str, str]) -> Answer:
        request = Request.from_event(event)
        answer = self._at_once(route, request)
        if answer is not None:
            return answer
        principal = admit(request, route, self.services)
        call = Call(
            request=request,
            principal=principal,
            path_values=route.read_values(values),
            query=route.read_query(request),
            body=route.read_body(request),
        )
        return route.act(call, self.services)

    def _at_once(self, route: Route, request: Request) -> Answer | None:
        """What a route that can do all at once says to somebody known; None: it goes step by step."""
        key = remembered(request, route, self.services) if route.at_once is not None else None
        if route.at_once is None or key is None:
            return None
        try:
            call = Call(
                request=request,
                principal=key.principal,
                path_values={},
                query=route.read_query(request),
                body=route.read_body(request),
            )
        except Problem:
            # Whoever is let in is told what is wrong, and the call is counted.
            return None
        return route.at_once(call, key, self.services)

    def _elsewhere(self, event: Mapping[str, Any]) -> Answer:
        """Of what Powertools' router has no route for. It knows no value with, say, an umlaut or a quote."""
        path, method = str(event["rawPath"]), str(event["requestContext"]["http"]["method"])
        for route in self._routes:
            values = route.values_of(path) if route.method == method else None
            if values is not None:
                return self._guarded(route, event, values)
        return self._nowhere(event)

    def _nowhere(self, event: Mapping[str, Any]) -> Answer:
        path = str(event["rawPath"])
        allowed = sorted({route.method for route in self._routes if route.fits(path)})
        if allowed:
            return Answer.of(
                Problem(
                    405,
                    "method_not_allowed",
                    f"this path takes {', '.join(allowed)}",
                    headers={"Allow": ", ".join(allowed)},
                )
            )
        return Answer.of(Problem(404, "no_route", "there is no such path; see /openapi.json"))


def _response(answer: Answer) -> Response[Any]:
    from aws_lambda_powertools.event_handler import Response

    return Response(
        status_code=answer.status,
        content_type=answer.media_type,
        body=answer.text,
        headers=dict(answer.all_headers),
    )
