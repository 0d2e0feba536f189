"""Where an agent may call: what its manifest and its stage say, as one value that travels with a job."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from muster.contracts import CallingEnvironment
    from muster.safe_http import Policy, SafeHttp


@dataclass(frozen=True, kw_only=True, slots=True)
class Outbound:
    """What holds for every outbound call of an agent. The default lets nothing out."""

    #: As in the manifest: `none` or `internet`.
    egress: str = "internet"
    #: Whether the stage lets agents call what the registries let anyone call.
    external: bool = False
    #: Addresses, networks and exact names that the stage lets be called against the registries.
    addresses: tuple[str, ...] = ()
    #: Ports that may be called besides those of the agent's own policy.
    ports: tuple[int, ...] = ()

    @classmethod
    def of(cls, environment: CallingEnvironment, *, egress: str) -> Self:
        """What the stage wrote into the environment, and the manifest's `egress`."""
        exceptions = json.loads(environment.outbound)
        return cls(
            egress=egress,
            external=environment.allow_external_requests == "yes",
            addresses=tuple(exceptions["addresses"]),
            ports=tuple(exceptions["ports"]),
        )

    def client(
        self, policy: Policy | None = None, *, admit: Callable[[str], None] | None = None
    ) -> SafeHttp:
        """A client with an agent's limits and the stage's exceptions.

        Args:
            admit: as of `SafeHttp`.

        Raises:
            RefusedForGood: the manifest says `egress = "none"`.
            ConfigurationError: a limit is out of range, or `addresses` cannot be read.
        """
        from dataclasses import replace

        from muster.safe_http import Policy, SafeHttp, Verdict
        from muster.safe_http.refusal import refusal

        if self.egress == "none":
            raise refusal(
                Verdict.EGRESS_NONE,
                'This agent calls nobody. Write egress = "internet" into its agent.toml, and deploy.',
            )
        limits = policy or Policy()
        return SafeHttp(
            replace(
                limits,
                allowed=(*limits.allowed, *self.addresses),
                ports=limits.ports | set(self.ports),
                only_allowed=limits.only_allowed or not self.external,
            ),
            admit=admit,
        )
