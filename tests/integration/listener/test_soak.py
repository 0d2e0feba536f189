"""The short form of `make soak`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.postgres import Postgres
from tests.support.listening import Rig
from tests.support.soak import Soak


@pytest.mark.slow
def test_whatever_breaks_meanwhile_every_job_ends_as_it_should(
    make_rig: Callable[..., Rig], own_postgres: Postgres
):
    # Given listeners, a dispatcher and hundreds of jobs
    soak = Soak(rig=make_rig(own_postgres.url("muster")), postgres=own_postgres, seed=20261121)
    # When listeners are killed, frozen and ended, SQS fails and Postgres crashes
    try:
        soak.run(seconds=20, jobs=240)
    finally:
        soak.close()
    # Then all comes to rest, and nothing is lost, repeated or left behind
    assert soak.problems() == []
    assert soak.done["jobs"] > 200
