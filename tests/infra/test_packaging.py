"""What is shipped: the product's code and nothing else, once; and layers that fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stacks.config import STAGES, Stage
from tests.infra.synthesis import ROOT, Resource, Synthesis


def code_folder(synthesis: Synthesis) -> Path:
    """The staged first-party asset."""
    keys = {f.properties["Code"]["S3Key"] for f in synthesis.functions()}
    (key,) = keys
    return synthesis.folder / f"asset.{key.removesuffix('.zip')}"


def shipped(synthesis: Synthesis) -> set[str]:
    folder = code_folder(synthesis)
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def expected(stage: Stage) -> set[str]:
    """By another road than the filter's: what git would ship of the product's folders."""
    roots = ("muster", "lambdas", *stage.agent_roots)
    files = {p for root in roots for p in (ROOT / root).rglob("*") if p.is_file()}
    names = {p.relative_to(ROOT).as_posix() for p in files}
    return {name for name in names if not left_out(name)}


def left_out(name: str) -> bool:
    parts = name.split("/")
    return (
        name.startswith("muster/cli/")
        or any(part.startswith(".") or part in ("__pycache__", "tests") for part in parts)
        or parts[-1].startswith(("test_", "requirements."))
        or name.endswith(".pyc")
    )


def test_the_asset_holds_the_product_and_nothing_else(each: Synthesis):
    found = shipped(each)
    assert found == expected(each.stage)
    assert {name.split("/")[0] for name in found} <= {"muster", "lambdas", "local"}
    for needed in (
        "muster/contracts.py",
        "muster/store/certificates/rds-global-bundle.pem",
        "lambdas/agents/handler.py",
        "lambdas/agents/document-profile/agent.toml",
        "lambdas/scheduler/handler.py",
        "lambdas/register/handler.py",
    ):
        assert needed in found
    assert any(name.startswith("muster/store/migrations/") for name in found)


def test_the_demo_agents_are_shipped_to_the_local_stage_only(each: Synthesis):
    demo = {name for name in shipped(each) if name.startswith("local/")}
    assert all(name.startswith("local/agents/") for name in demo)
    assert bool(demo) == (each.stage.name == "local")


def test_all_functions_share_one_asset_and_a_stack_s_functions_one_layer(each: Synthesis):
    assert code_folder(each).is_dir()
    assets = {
        p.name
        for p in each.folder.glob("asset.*")
        if (p / "muster").is_dir() and not (p / "ecs_listener").is_dir()
    }
    assert assets == {code_folder(each).name}
    for stack in each.templates:
        shared = [
            layer
            for layer in each.resources("AWS::Lambda::LayerVersion", stack)
            if "OwnDependencies" not in layer.id
        ]
        functions = [f for f in each.functions() if f.stack == stack]
        assert len(shared) == (1 if functions else 0)
        assert all(f.properties["Layers"][0] == {"Ref": shared[0].id} for f in functions)


def test_an_agent_with_requirements_of_its_own_has_a_layer_of_its_own(each: Synthesis):
    for manifest in each.on_lambda:
        assert manifest.folder is not None
        (function,) = each.of_agent(manifest.id, "AWS::Lambda::Function")
        own = (manifest.folder / "requirements.txt").exists()
        assert len(function.properties["Layers"]) == 1 + own
        assert len(each.of_agent(manifest.id, "AWS::Lambda::LayerVersion")) == own


def test_functions_run_where_their_wheels_fit(cloud: Synthesis):
    for function in cloud.functions():
        assert function.properties["Runtime"] == "python3.14"
        assert function.properties["Architectures"] == ["arm64"]


def test_every_handler_is_importable_from_the_asset_alone(each: Synthesis):
    # Given the staged asset, an empty environment, and no package but the standard library
    folder = code_folder(each)
    handlers = sorted({f.properties["Handler"] for f in each.functions()})
    script = (
        "import sys, importlib\n"
        f"sys.path[:] = [{str(folder)!r}, *(p for p in sys.path if 'site-packages' not in p)]\n"
        "sys.dont_write_bytecode = True\n"
        f"for name in {handlers!r}:\n"
        "    module, _, function = name.rpartition('.')\n"
        "    assert callable(getattr(importlib.import_module(module), function)), name\n"
        "assert 'aws_cdk' not in sys.modules and 'boto3' not in sys.modules\n"
        "assert not any(m.split('.')[0] in ('local', 'stacks') for m in sys.modules)\n"
    )
    # When each handler is imported
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], env={}, capture_output=True, text=True, check=False
    )
    # Then all are there, and nothing heavy came with them
    assert done.returncode == 0, done.stderr


def test_running_tests_does_not_change_the_asset(tmp_path: Path):
    # Given a small product
    for name in ("muster/a.py", "lambdas/b.py", "stacks/c.py", ".env"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    before = fingerprint(tmp_path)
    # When things appear that are not shipped
    for name in (
        "muster/__pycache__/a.pyc",
        "lambdas/tests/test_b.py",
        "lambdas/.cache",
        "stacks/d.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    # Then the asset is the same, until shipped code changes
    assert fingerprint(tmp_path) == before
    (tmp_path / "muster/a.py").write_text("changed")
    assert fingerprint(tmp_path) != before


def fingerprint(folder: Path) -> str:
    from aws_cdk import FileSystem, IgnoreMode

    from stacks.packaging import code_patterns

    patterns = code_patterns(STAGES["dev"])
    return FileSystem.fingerprint(str(folder), exclude=patterns, ignore_mode=IgnoreMode.GIT)


def test_the_layer_s_hash_covers_lock_python_and_architecture(synthesised: Any):
    def layers(name: str) -> set[str]:
        found: list[Resource] = synthesised(name).resources("AWS::Lambda::LayerVersion")
        return {layer.properties["Content"]["S3Key"] for layer in found}

    assert layers("dev") == layers("prod")
    assert layers("local").isdisjoint(layers("dev"))


def test_an_agent_that_is_too_large_is_told_to_use_fargate(monkeypatch: pytest.MonkeyPatch):
    from stacks import packaging
    from stacks.packaging import MAX_UNPACKED_BYTES, size_problems

    # Given an agent whose packages unpack to more than Lambda takes
    sizes = {packaging.RUNTIME_LOCK: 60 * 2**20}

    def measured(_: Stage, lock: Path) -> int:
        return sizes.get(lock, MAX_UNPACKED_BYTES)

    monkeypatch.setattr(packaging, "_wheels_bytes", measured)
    # When its size is checked
    problems = size_problems(STAGES["dev"], {"document-profile": "lambdas/agents/document-profile"})
    # Then the numbers and the cure are in the message
    (problem,) = problems
    assert "310 MiB" in problem
    assert "250 MiB" in problem
    assert 'compute = "fargate"' in problem
