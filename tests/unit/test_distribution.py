"""How tests are spread over processes."""

from __future__ import annotations

import pytest

from tests.support.distribution import group_of
from tests.support.source import ROOT


def test_whatever_shares_a_cloud_runs_in_one_process():
    # Given every file of tests on a deployed cloud
    files = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/e2e/test_*.py")]
    # Then none of their tests goes its own way, and three clouds are deployed for all of them
    groups = {file: group_of(f"{file}::test_something") for file in files}
    assert not [file for file, group in groups.items() if file in group]
    assert set(groups.values()) == {"a cloud", "a cloud with faults", "a clone"}


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("tests/infra/test_api.py::test_a", "tests/infra/rules/test_b.py::test_b[local]", True),
        ("tests/infra/test_scale.py::test_a", "tests/infra/test_scale.py::test_b", True),
        ("tests/infra/test_app.py::test_a", "tests/infra/test_app.py::test_b", True),
        ("tests/unit/test_module_shape.py::a", "tests/unit/test_import_boundaries.py::b", True),
        ("tests/integration/test_types.py::a", "tests/integration/test_types.py::b", True),
        ("tests/unit/test_clock.py::test_a", "tests/unit/test_clock.py::test_b", False),
    ],
)
def test_what_is_synthesised_is_shared_and_the_rest_goes_to_who_is_free(
    first: str, second: str, together: bool
):
    assert (group_of(first) == group_of(second)) is together
