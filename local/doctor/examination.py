"""One visit: the machine always, a stage and its account when one is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from local.checkout import Checkout
from local.doctor import reach, stage
from local.doctor.account import Account
from local.doctor.assembly import Assembly
from local.doctor.finding import Finding, problem
from local.doctor.machine import Machine
from local.doctor.needs import Needs
from local.doctor.quotas import quotas
from local.doctor.tools import tools
from local.doctor.unread import Unread
from muster.manifest import ManifestError, load_agents
from stacks.config import STAGES, Stage

#: Where every bootstrap with the CDK's own qualifier says its version.
_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """What is looked at, and how an account is asked.

    `ask` takes the name of a stage and of the parameter of a bootstrap.
    """

    checkout: Checkout
    machine: Machine
    ask: Callable[[str, str], Account | Unread]

    def findings(self, named: str | None) -> Iterator[Finding]:
        """Everything about this machine, and about the stage when one is named."""
        root = self.checkout.root
        assembly = None if named is None else Assembly.read(root, stage=named)
        yield from tools(self.machine, least_cdk=assembly.least_cdk if assembly else None)
        if named is None:
            return
        yield stage.name(named, known=STAGES)
        if named in STAGES:
            yield from self._stage(STAGES[named], assembly)

    def _stage(self, examined: Stage, assembly: Assembly | None) -> Iterator[Finding]:
        try:
            manifests = load_agents(self.checkout.root / r for r in examined.agent_roots)
        except ManifestError as error:
            told = f"{len(error.problems)} mistakes in manifests, the first: {error.problems[0]}"
            yield problem("agents", told, "mend them; synth tells all of them")
            return
        needs = Needs.of(examined, manifests)
        yield from stage.docker(needs, self.machine)
        if examined.lacks:
            return  # an emulator's: no account is asked for it
        yield stage.synthesised(assembly, stage=examined.name)
        parameter = assembly.bootstrap_parameter if assembly else _BOOTSTRAP
        account = self.ask(examined.name, parameter)
        yield reach.credentials(account)
        if isinstance(account, Unread):
            return
        yield reach.bootstrap(account, assembly=assembly)
        yield from quotas(account, needs, stage=examined, assembly=assembly)
        yield from reach.alerts(account, stage=examined)


def rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """As JSON and tables show them."""
    return [
        {"check": each.check, "level": str(each.level), "told": each.told, "cure": each.cure}
        for each in findings
    ]
