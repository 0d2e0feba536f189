"""The reader behind the design tests sees what it must: otherwise they could not fail."""

from __future__ import annotations

import ast

import pytest

from tests.support.source import ROOT, Module, modules, tracked_files


def _module(text: str, name: str = "lambdas/agents/example/agent.py") -> Module:
    return Module(path=ROOT / name, tree=ast.parse(text))


@pytest.mark.parametrize(
    ("text", "module", "eager"),
    [
        ("import aws_cdk.aws_sqs", "aws_cdk.aws_sqs", True),
        ("from aws_cdk import aws_sqs", "aws_cdk", True),
        ("try:\n    import boto3\nexcept ImportError: raise", "boto3", True),
        ("class A:\n    import boto3", "boto3", True),
        ("def f():\n    import boto3", "boto3", False),
        ("async def f():\n    with a:\n        from boto3 import client", "boto3", False),
        ("if TYPE_CHECKING:\n    import boto3", "boto3", False),
        ("from . import table", "lambdas.agents.example", True),
        ("from .table import rows", "lambdas.agents.example.table", True),
        ("from ..other import rows", "lambdas.agents.other", True),
    ],
)
def test_imports_are_found_wherever_they_stand(text: str, module: str, eager: bool):
    [found] = _module(text).imports()
    assert (found.module, found.eager) == (module, eager)


def test_within_means_the_package_and_not_its_namesake():
    [found] = _module("import stacks_of_plates").imports()
    assert not found.within("stacks")
    assert found.within("stacks_of_plates")


def test_the_product_and_its_tests_are_told_apart():
    product = {module.name for module in modules("muster", "local", "lambdas")}
    assert "muster/contracts.py" in product
    assert not [name for name in product if "test" in name.split("/")[-1].split("_")]


def test_what_git_ignores_is_not_read():
    assert not [
        path for path in tracked_files() if ".venv" in path.parts or ".muster" in path.parts
    ]
