"""An agent's endpoint: where to ask whether it is well, and what its answer means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

from muster.message.body import BodyProblem, parse_object
from muster.safe_http.refusal import Refused
from muster.safe_http.response import Response
from muster.safe_http.verdict import Verdict

#: Said of a service that answers, and says itself that it is not well.
SAYS_UNHEALTHY = "says_unhealthy"

#: Says nothing of the endpoint in a stage that lets no strangers be called: it was not asked.
_UNASKED = frozenset(
    {
        Verdict.EXTERNAL_REQUESTS_OFF,
        Verdict.SPECIAL_ADDRESS,
        Verdict.METADATA_ADDRESS,
        Verdict.PORT_REFUSED,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where an agent that runs elsewhere answers."""

    agent_id: str
    url: str
    #: As it was registered: `endpoint` is a path or a URL; anything else, by plain SQL, counts as none.
    health_check: Mapping[str, Any] | None

    @property
    def question(self) -> str:
        """The URL to ask: what was registered for it, or `health` beside the endpoint's last part."""
        try:
            return urljoin(self.url, self._declared or "health")
        except ValueError:  # no URL: whoever calls it says so
            return self.url

    @property
    def _declared(self) -> str | None:
        said = self.health_check.get("endpoint") if isinstance(self.health_check, Mapping) else None
        return said if isinstance(said, str) and said else None

    def judge(self, answer: Response | Refused, *, strangers: bool) -> Finding:
        """What the answer means.

        Where nobody said how to ask, an answer of any kind but a failure (5xx) shows that something is there;
        where somebody did, it must be 2xx.

        Args:
            strangers: whether the stage lets anybody be called whom the registries let be called.
        """
        if isinstance(answer, Refused):
            unasked = not strangers and answer.verdict in _UNASKED
            return Finding(healthy=None if unasked else False, reason=answer.verdict.value)
        fails_from = (
            HTTPStatus.MULTIPLE_CHOICES if self._declared else HTTPStatus.INTERNAL_SERVER_ERROR
        )
        if answer.status >= fails_from:
            return Finding(healthy=False, reason=f"http_{answer.status}")
        if _says_unhealthy(answer.body):
            return Finding(healthy=False, reason=SAYS_UNHEALTHY)
        return Finding(healthy=True, reason=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What is known of an endpoint now."""

    #: None: nobody can tell.
    healthy: bool | None
    reason: str | None


def _says_unhealthy(body: bytes) -> bool:
    """Whether it is a JSON object with the status `unhealthy`, as agents' contract has it."""
    try:
        said = parse_object(body.decode())
    except (BodyProblem, UnicodeDecodeError):
        return False
    return said.get("status") == "unhealthy"
