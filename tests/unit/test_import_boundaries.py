"""Who may import whom: the layers of the architecture, read from the source itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import muster
from muster import safe_http
from tests.support.source import ROOT, Import, Module, modules

#: Only set-up and synth know these; a function's asset holds none of them.
INFRASTRUCTURE = ("aws_cdk", "cdk_nag", "constructs", "stacks", "app")
#: Slow to import: a cold start pays for them only when it uses them.
HEAVY = ("boto3", "botocore", "psycopg2", "aws_lambda_powertools", "jsonschema_rs")
AGENT_ROOTS = ("lambdas/agents", "local/agents")
#: What an agent may import of Muster: what these say that they offer.
PUBLIC_FACE = {"muster": muster, "muster.safe_http": safe_http}
#: The platform's own SDK, which every function has: agents may speak to AWS.
PLATFORM = {"boto3", "botocore"}
#: What stacks may know of the product: names and manifests, and the errors both raise.
KNOWN_TO_STACKS = (
    "muster.contracts",
    "muster.database_roles",
    "muster.errors",
    "muster.fleet_settings",
    "muster.manifest",
)


def _violations(checked: Iterable[Module], forbidden: tuple[str, ...]) -> list[str]:
    return [
        _where(module, found)
        for module in checked
        for found in module.imports()
        if found.within(*forbidden)
    ]


def _where(module: Module, found: Import) -> str:
    return f"{module.name}:{found.line} imports {found.module} {', '.join(found.names)}".strip()


def _agent_modules() -> Iterator[tuple[Path, Module]]:
    """Modules of agents, each with its agent's folder; shared files of the root are no agent's."""
    for root in AGENT_ROOTS:
        for module in modules(root):
            parts = module.path.relative_to(ROOT / root).parts
            if len(parts) > 1:
                yield ROOT / root / parts[0], module


def test_the_runtime_never_imports_infrastructure_or_the_local_cloud():
    runtime = modules("muster", "lambdas", "ecs_listener")
    assert runtime
    assert _violations(runtime, (*INFRASTRUCTURE, "local")) == []


def test_stacks_know_the_products_names_and_manifests_only():
    stacks = modules("stacks", "app.py")
    assert stacks
    product = [
        _where(module, found)
        for module in stacks
        for found in module.imports()
        if found.within("muster", "lambdas", "local", "ecs_listener", "tests")
        and not found.within(*KNOWN_TO_STACKS)
        and not (
            found.module == "muster"
            and {f"muster.{n}" for n in found.names} <= set(KNOWN_TO_STACKS)
        )
    ]
    assert product == []


def test_contracts_and_errors_need_the_standard_library_alone():
    for module in modules("muster/contracts.py", "muster/database_roles.py", "muster/errors.py"):
        foreign = [
            _where(module, found)
            for found in module.imports()
            if found.module.split(".")[0] not in sys.stdlib_module_names
            and not found.within("muster.contracts", "muster.errors")
        ]
        assert foreign == []


def test_heavy_libraries_are_imported_where_they_are_used():
    eager = [
        _where(module, found)
        for module in modules("muster", "lambdas")
        for found in module.imports()
        if found.within(*HEAVY) and found.eager
    ]
    assert eager == []


def test_the_product_and_the_stacks_do_not_import_the_benchmarks_or_tests():
    assert (
        _violations(modules("muster", "lambdas", "stacks", "local", "app.py"), ("bench", "tests"))
        == []
    )


def test_there_are_agents_to_check():
    assert {folder.name for folder, _ in _agent_modules()} >= {"document-profile"}


@pytest.mark.parametrize(
    ("folder", "module"),
    list(_agent_modules()),
    ids=lambda value: value.name,
)
def test_an_agent_imports_the_public_face_its_own_folder_and_its_own_requirements(
    folder: Path, module: Module
):
    allowed = _own_requirements(folder)
    foreign = [
        _where(module, found) for found in module.imports() if not _fair(found, folder, allowed)
    ]
    assert foreign == [], f"beyond muster's public face, {folder.name} may import {sorted(allowed)}"


def _fair(found: Import, folder: Path, allowed: set[str]) -> bool:
    face = PUBLIC_FACE.get(found.module)
    if face is not None:
        return set(found.names) <= set(face.__all__)
    own = ".".join(folder.relative_to(ROOT).parts)
    top = found.module.split(".")[0]
    return found.within(own) or top in sys.stdlib_module_names or top in allowed


def _own_requirements(folder: Path) -> set[str]:
    """Importable names of what the agent's requirements.in asks for."""
    asked = folder / "requirements.in"
    if not asked.exists():
        return PLATFORM
    lines = [line.split("#")[0].strip() for line in asked.read_text("utf-8").splitlines()]
    wanted = {_normal(re.split(r"[\s\[=<>~!;]", line)[0]) for line in lines if line}
    return PLATFORM | {
        name
        for name, distributions in packages_distributions().items()
        if wanted & {_normal(distribution) for distribution in distributions}
    }


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_reading_the_tests_starts_nothing_that_takes_seconds():
    # Given what each module imports as soon as it is imported itself
    known = {
        module.name.removesuffix(".py").replace("/", "."): module
        for module in modules("tests", "stacks", "app.py", tests=True)
    }
    eager = {
        name: {
            target
            for found in module.imports()
            if found.eager
            for target in (found.module, *(f"{found.module}.{n}" for n in found.names))
        }
        for name, module in known.items()
    }
    # When those are followed that lead to the CDK or to schemathesis
    slow = {"aws_cdk", "schemathesis"}
    while more := {name for name, targets in eager.items() if targets & slow} - slow:
        slow |= more
    # Then no test is among them: each of the processes that share the tests reads them all
    assert "stacks.deployment" in slow
    assert {name for name in slow if name.startswith("tests.")} == set()
