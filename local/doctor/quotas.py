"""Whether an account is large enough for a stage."""

from __future__ import annotations

from collections.abc import Iterator

from local.doctor.account import FARGATE_VCPU, RULES, Account
from local.doctor.assembly import Assembly
from local.doctor.finding import Finding, ok, problem, warning
from local.doctor.needs import Needs
from local.doctor.unread import Unread
from stacks.config import Stage

#: Lambda keeps so many functions at once for those without a reservation.
UNRESERVED = 100
_LAMBDA = ("lambda", "L-B99A9384")  # Concurrent executions


def quotas(
    account: Account, needs: Needs, *, stage: Stage, assembly: Assembly | None
) -> Iterator[Finding]:
    """Findings about functions, vCPUs and rules at once."""
    yield from _functions(account.concurrency, needs, stage)
    yield _vcpus(account.vcpus, needs)
    if assembly is not None:
        yield _rules(account, assembly, stage)


def _functions(limit: int | Unread, needs: Needs, stage: Stage) -> Iterator[Finding]:
    check = "lambda concurrency"
    if isinstance(limit, Unread):
        yield _unread(check, limit, "lambda:GetAccountSettings")
        return
    told = f"{limit} at once; the stage uses up to {needs.functions}, {needs.reserved} of them reserved"
    least = UNRESERVED + needs.reserved
    if limit < least:
        cure = f"{_ask_for(_LAMBDA)} at least {least}, or deploy fails at the API's reservation"
        yield problem(check, told, cure)
    elif limit < needs.functions:
        yield warning(check, told, f"{_ask_for(_LAMBDA)} more, or lower `concurrency` of agents")
    else:
        yield ok(check, told)
    if limit != stage.lambda_concurrency:
        yield warning(
            "alarm of concurrency",
            f"it tells at 80 % of {stage.lambda_concurrency}, and the account has {limit}",
            f"write lambda_concurrency={limit} at the stage in stacks/config.py",
        )


def _vcpus(limit: int | Unread, needs: Needs) -> Finding:
    check = "fargate vCPUs"
    if not needs.vcpus:
        return ok(check, "not needed: no agent runs on Fargate")
    if isinstance(limit, Unread):
        return _unread(check, limit, "servicequotas:GetServiceQuota")
    told = f"{limit} at once; the stage uses up to {needs.vcpus}"
    if limit < needs.largest_task:
        return problem(check, told, f"{_ask_for(FARGATE_VCPU)} more: not even one task can start")
    if limit < needs.vcpus:
        return warning(check, told, f"{_ask_for(FARGATE_VCPU)} more, or jobs wait for tasks")
    return ok(check, told)


def _rules(account: Account, assembly: Assembly, stage: Stage) -> Finding:
    check = "eventbridge rules"
    if isinstance(account.most_rules, Unread):
        return _unread(check, account.most_rules, "servicequotas:GetServiceQuota")
    if isinstance(account.rules, Unread):
        return _unread(check, account.rules, "events:ListRules")
    # Those of the stage are replaced, not added to.
    others = [name for name in account.rules if not name.startswith(f"muster-{stage.name}-")]
    told = (
        f"{account.most_rules} on the default bus; others have {len(others)}, "
        f"the stage needs {assembly.rules}"
    )
    if len(others) + assembly.rules > account.most_rules:
        return problem(check, told, f"{_ask_for(RULES)} more, or remove rules of others")
    return ok(check, told)


def _ask_for(quota: tuple[str, str]) -> str:
    service, code = quota
    return f"ask AWS (Service Quotas, {service} {code}) for"


def _unread(check: str, unread: Unread, permission: str) -> Finding:
    return warning(
        check,
        f"not known: {unread.why}",
        f"let these credentials call {permission}, or look in the console",
    )
