"""Messages that come again, deletes that are lost, a ledger that goes away."""

from __future__ import annotations

import time
from collections.abc import Callable

from local.postgres import Postgres
from tests.support.listening import HOLD, Rig
from tests.support.proxy import FaultProxy
from tests.support.waiting import wait_until


def test_fault_14_a_delete_that_fails_after_success_runs_nothing_again(rig: Rig):
    # Given an SQS that deletes nothing
    listener = rig.start(hold=HOLD)
    rig.sqs.fail("DeleteMessageBatch", "503 ServiceUnavailable")
    rig.send("j", do="effect")
    rig.becomes("j", "completed")
    wait_until(lambda: rig.sqs.calls["DeleteMessageBatch"] >= 3)
    # When the message comes again
    wait_until(lambda: listener.metric("received_total") >= 2)
    rig.sqs.mend()
    # Then it is recognised and goes, and the job has run once
    rig.at_rest()
    assert rig.steps("j") == {0: 1}
    assert "redelivered" in rig.clerk.story("j")
    assert rig.problems() == []


def test_fault_14_a_delete_whose_reply_is_lost_runs_nothing_again(rig: Rig):
    # Given deletes that have their effect, and no reply
    rig.start()
    rig.sqs.fail("DeleteMessageBatch", "lost", times=2)
    rig.send("j", do="effect")
    # Then all comes to rest
    rig.becomes("j", "completed")
    rig.at_rest()
    assert rig.steps("j") == {0: 1}
    assert rig.problems() == []


def test_fault_15_an_outcome_is_kept_until_the_ledger_takes_it(
    make_rig: Callable[..., Rig], database_url: str
):
    # Given a job that ends while the ledger is away, for less than its lease
    with FaultProxy(database_url) as proxy:
        rig = make_rig(database_url, listener_url=proxy.url)
        listener, gate = rig.start(), rig.gate()
        rig.send("j", do="sleep", gate=str(gate))
        wait_until(lambda: rig.steps("j"))
        proxy.refuse()
        gate.touch()
        wait_until(lambda: 0 in rig.steps("j"))
        wait_until(lambda: listener.metric("ledger_away") == 1)
        assert rig.status("j") == "running"
        proxy.open()
        # Then its outcome is written once it is back, and it has run once
        row = rig.becomes("j", "completed")
    assert (row["attempts"], row["fence"]) == (1, 1)
    assert rig.steps("j") == {-1: 1, 0: 1}
    rig.at_rest()
    assert rig.problems() == []


def test_fault_16_messages_that_come_twice_at_once_run_each_job_once(rig: Rig):
    # Given two listeners
    rig.start()
    rig.start()
    # When two hundred jobs are sent twice each, under different message ids
    jobs = [f"j{number}" for number in range(200)]
    rig.send(*jobs, do="effect")
    rig.send(*jobs, do="effect")
    # Then each has run once
    rig.at_rest(within=180)
    assert {job: rig.steps(job) for job in jobs} == {job: {0: 1} for job in jobs}
    assert rig.problems() == []


def test_a_ledger_that_goes_away_stops_the_receiving_and_comes_back_without_a_restart(
    make_rig: Callable[..., Rig], own_postgres: Postgres
):
    # Given a listener whose database crashes
    rig = make_rig(own_postgres.url("muster"))
    listener = rig.start()
    began = time.monotonic()
    rig.send("before", do="effect")
    wait_until(lambda: rig.status("before"))
    usual = time.monotonic() - began
    rig.at_rest()
    own_postgres.stop(immediate=True)
    rig.send(*(f"j{number}" for number in range(20)), do="effect")
    wait_until(lambda: listener.metric("ledger_away") == 1)
    wait_until(lambda: listener.metric("messages_held") == 0)
    # When time passes, hardly any message is received, so that no receive count is used up
    received = listener.metric("received_total")
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 2)
    assert listener.metric("received_total") == received <= 5
    assert listener.get("/health/live")[0] == 200
    assert listener.get("/health/ready")[0] == 503
    # And when it is back
    own_postgres.start()
    back = time.monotonic()
    rig.look_anew()
    wait_until(lambda: rig.status("j0") or rig.status("j19"))
    # Then within ten seconds work goes on, and so much longer as this machine takes for it
    assert time.monotonic() - back < 10 + 20 * usual
    rig.at_rest()
    assert listener.process.poll() is None
    assert rig.problems() == []
