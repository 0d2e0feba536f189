"""What the doctor reads of a synth, and derives without one, is what a deploy does."""

from __future__ import annotations

from pathlib import Path

from local.checkout import Checkout
from local.doctor.assembly import FOLDER, Assembly
from local.doctor.machine import Machine
from local.doctor.needs import Needs
from tests.infra.synthesis import Synthesis


def test_a_deploy_needs_docker_exactly_where_the_doctor_says(each: Synthesis, tmp_path: Path):
    # Given a synthesised stage where `make synth` leaves it
    (tmp_path / FOLDER).symlink_to(each.folder)
    assembly = Assembly.read(tmp_path, stage=each.stage.name)
    assert assembly is not None
    # When the manifests say what a deploy builds
    needs = Needs.of(each.stage, each.manifests)
    # Then it is what the assembly holds; agents that share a stack and an image have it once
    assert bool(assembly.images) == bool(needs.images)
    assert set(assembly.images) <= set(needs.images)
    # And the rules are those of its templates
    assert assembly.rules == len(each.resources("AWS::Events::Rule"))
    # And the CDK that is pinned can deploy it, to a bootstrap whose version it names
    pinned = Machine.look(Checkout.locate({}), {}).cdk_pinned
    assert assembly.least_cdk is not None
    assert assembly.least_cdk <= pinned
    assert assembly.least_bootstrap >= 6
    assert assembly.bootstrap_parameter.endswith("/version")


def test_needs_are_what_the_templates_allow(each: Synthesis):
    # Given a synthesised stage
    needs = Needs.of(each.stage, each.manifests)
    # When its templates are added up
    sources = each.resources("AWS::Lambda::EventSourceMapping")
    polled = sum(s.properties["ScalingConfig"]["MaximumConcurrency"] for s in sources)
    functions = each.resources("AWS::Lambda::Function")
    reserved = [f.properties.get("ReservedConcurrentExecutions", 0) for f in functions]
    # Then functions and reservations are those that the doctor counts
    assert needs.reserved == sum(reserved)
    assert needs.functions == polled + sum(reserved) + 3
