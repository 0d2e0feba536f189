"""A machine on which everything works, and a synth of two rules, for tests of the doctor."""

from __future__ import annotations

from local.doctor.assembly import Assembly
from local.doctor.machine import Machine

MACHINE = Machine(
    python=(3, 11, 7),
    git=(2, 43, 0),
    node=(24, 19, 0),
    node_on_path=(24, 19, 0),
    cdk=(2, 1148, 1),
    cdk_on_path=None,
    cdk_pinned=(2, 1148, 1),
    docker="docker",
    docker_server=None,
    unmade=(),
)
ASSEMBLY = Assembly(
    least_cdk=(2, 1147, 0),
    least_bootstrap=6,
    bootstrap_parameter="/cdk-bootstrap/hnb659fds/version",
    images=(),
    rules=2,
    outdated_by=None,
)
