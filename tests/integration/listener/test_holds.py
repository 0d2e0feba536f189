"""What is held is renewed; what cannot be proven to be held is let go."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.listening import HOLD, Rig
from tests.support.proxy import FaultProxy
from tests.support.waiting import wait_until


def test_a_job_of_three_holds_runs_once_and_stays_hidden(rig: Rig):
    # Given two listeners
    rig.start(hold=HOLD)
    rig.start(hold=HOLD)
    # When a job takes more than three times what a lease and a visibility last
    rig.send("j", do="sleep", seconds=3.2 * HOLD)
    # Then it runs once, and its message is received once
    row = rig.becomes("j", "completed", within=120)
    assert (row["attempts"], row["fence"]) == (1, 1)
    assert rig.steps("j") == {-1: 1, 0: 1}
    rig.at_rest()
    assert rig.clerk.story("j") == ["claimed", "completed"]


def test_fault_07_one_failed_renewal_is_tolerated(make_rig: Callable[..., Rig], database_url: str):
    # Given a running job, whose listener's way to the ledger breaks for less than its lease
    with FaultProxy(database_url) as proxy:
        rig = make_rig(database_url, listener_url=proxy.url)
        listener = rig.start(hold=HOLD)
        rig.send("j", do="sleep", seconds=2 * HOLD)
        wait_until(lambda: rig.steps("j"))
        proxy.refuse()
        wait_until(lambda: listener.metric("renewals_total") >= 1 and _failed(listener.told()))
        proxy.open()
        # Then the job goes on to its end, in its first attempt
        row = rig.becomes("j", "completed")
    assert (row["attempts"], row["fence"]) == (1, 1)
    assert rig.steps("j") == {-1: 1, 0: 1}


def test_fault_07_without_a_proven_lease_a_job_is_stopped_and_nothing_is_written(
    make_rig: Callable[..., Rig], database_url: str
):
    # Given a running job, whose listener's way to the ledger breaks for longer than its lease
    with FaultProxy(database_url) as proxy:
        rig = make_rig(database_url, listener_url=proxy.url)
        rig.agent(timeout="10m")
        listener = rig.start(hold=HOLD)
        rig.send("j", do="sleep", seconds=300, later=1)
        wait_until(lambda: rig.steps("j"))
        proxy.refuse()
        # Then it is stopped before its lease may have ended, and its row is left as it was
        wait_until(lambda: listener.metric("leases_lost_total") == 1)
        assert rig.clerk.story("j") == ["claimed"]
        assert rig.status("j") == "running"
        assert rig.steps("j") == {-1: 1}
        # And once the ledger is back it runs again, as a suspect's second attempt
        proxy.open()
        row = rig.becomes("j", "completed", within=120)
    assert (row["attempts"], row["fence"]) == (2, 2)
    rig.at_rest()
    assert rig.problems() == []


def test_fault_07_visibility_that_cannot_be_renewed_costs_no_job(rig: Rig):
    # Given an SQS that refuses to extend what is hidden
    rig.start(hold=HOLD)
    rig.sqs.fail("ChangeMessageVisibilityBatch", "503 ServiceUnavailable")
    rig.start(hold=HOLD)
    # When a job takes twice as long as its message is hidden
    rig.send("j", do="sleep", seconds=2 * HOLD)
    row = rig.becomes("j", "completed")
    # Then its message came again, and the ledger sent nobody after it
    assert (row["attempts"], row["fence"]) == (1, 1)
    assert rig.steps("j") == {-1: 1, 0: 1}
    rig.sqs.mend()
    rig.at_rest()
    assert rig.problems() == []


def test_fault_08_a_hung_job_ends_at_its_deadline_however_well_it_is_renewed(rig: Rig):
    # Given an agent with a timeout of ten seconds, and a job that would run for an hour
    rig.agent(timeout="10s", retries=0)
    rig.start()
    rig.send("j", do="sleep", seconds=3600)
    # Then it is stopped and recorded as what it was
    row = rig.becomes("j", "failed")
    assert row["error"]["code"] == "timeout"
    assert rig.steps("j") == {-1: 1}
    rig.at_rest()
    assert rig.problems() == []


def test_fault_08_a_job_that_nothing_stops_costs_its_process_which_is_replaced(rig: Rig):
    # Given a job that swallows whatever is raised in it, and a neighbour that ends by itself
    rig.agent(timeout="10s", retries=0)
    listener = rig.start()
    rig.send("deaf", do="swallow", seconds=300)
    wait_until(lambda: rig.steps("deaf"))
    # When its time is long over
    # Then the process says so and ends, to be replaced, with the job recorded
    assert listener.ends(within=120) == 70
    row = rig.becomes("deaf", "failed")
    assert row["error"]["code"] == "timeout"
    assert any("does not stop" in line["message"] for line in listener.told())
    rig.at_rest()
    assert rig.problems() == []


def test_fault_10_no_more_is_received_than_can_start(rig: Rig):
    # Given a listener that runs two jobs at once
    listener, gate = rig.start(concurrency="2"), rig.gate()
    # When five long jobs come
    rig.send(*(f"j{n}" for n in range(5)), do="sleep", gate=str(gate))
    wait_until(lambda: listener.metric("jobs_running") == 2)
    # Then the others wait in their queue, for whoever is free
    lane = rig.lanes["normal"].replace(rig.sqs.url, rig.endpoint.url)
    now = rig.endpoint.statistics(lane)
    assert (now.held, now.visible) == (2, 3)
    gate.touch()
    rig.at_rest()
    assert listener.metric("surplus_total") == 0
    assert rig.most_at_once() == 2


def _failed(told: list[dict[str, object]]) -> bool:
    return any("renewals of the lease failed" in str(line["message"]) for line in told)
