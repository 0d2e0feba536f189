"""What whoever leads looks after (P3), besides rescue, relay and dead letters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from muster.fleet_settings import FleetSettings
from muster.model import Status
from muster.store.renewals import Renewals
from tests.support.worker import Workshop

MakeWorkshop = Callable[..., Workshop]
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def _runs_since(shop: Workshop, job_id: str, time: timedelta) -> None:
    """The last claim of the job, which still has its lease, was that long ago."""
    shop.clerk.query(
        "UPDATE agent_job_execution SET started_at = started_at - %s WHERE job_id = %s",
        time,
        job_id,
    )
    shop.clerk.query(
        "UPDATE execution_event v SET at = v.at - %s FROM agent_job_execution e"
        " WHERE e.execution_id = v.execution_id AND e.job_id = %s",
        time,
        job_id,
    )


def test_an_attempt_that_holds_its_lease_past_its_deadline_has_failed(workshop: MakeWorkshop):
    # Given an attempt whose worker renews its lease for ever, and one that has begun within the hour
    shop = workshop()
    stuck, lively = shop.clerk.take("stuck", lease=HOUR), shop.clerk.take("lively", lease=HOUR)
    timeout = timedelta(seconds=120)
    _runs_since(shop, "stuck", HOUR + timeout + MINUTE)
    _runs_since(shop, "lively", HOUR)
    # When a tick looks
    report = shop.tick()
    # Then the first has failed for good, with its dead letter owed, and says why
    assert report.done["overdue"] == 1
    row = shop.clerk.row("stuck")
    assert (row["status"], row["error"]["message"], row["error"]["code"]) == (
        "failed",
        "run timed out",
        "timeout",
    )
    assert row["dlq_pending"]
    assert shop.metrics.counts["ExecutionsFailed"] == 1
    # And what its worker writes in the end is refused, the other's is not
    assert shop.clerk.settle(stuck, "completed") is None
    assert shop.clerk.settle(lively, "completed") is Status.COMPLETED
    shop.skip(MINUTE)
    assert shop.tick().done["bury"] == 1


def test_a_retried_job_is_measured_from_its_last_claim(workshop: MakeWorkshop):
    shop = workshop()
    claim = shop.clerk.take("j", lease=HOUR)
    shop.clerk.settle(claim, "retried", delay=timedelta(0))
    _runs_since(shop, "j", 3 * HOUR)
    shop.clerk.take("j", lease=HOUR)
    assert shop.tick().done["overdue"] == 0


def test_a_job_is_measured_from_its_own_start_where_it_waits_for_others_of_its_message(
    workshop: MakeWorkshop,
):
    # Given two jobs of one message, claimed together long ago: one runs, one still waits for its turn
    shop = workshop()
    claims = [shop.clerk.take(job_id, lease=HOUR) for job_id in ("runs", "waits")]
    for job_id in ("runs", "waits"):
        _runs_since(shop, job_id, 3 * HOUR)
    # When their worker renews both leases
    waiting = {claims[1].execution_id}
    renewals = Renewals(shop.clerk.database, worker="worker-1")
    assert len(renewals.renew(claims, lease=HOUR, waiting=waiting)) == 2
    # Then only the one that runs is overdue; the other becomes it, should it run as long
    assert shop.tick().done["overdue"] == 1
    assert [shop.clerk.row(job_id)["status"] for job_id in ("runs", "waits")] == [
        "failed",
        "running",
    ]
    _runs_since(shop, "waits", 3 * HOUR)
    assert len(renewals.renew([claims[1]], lease=HOUR)) == 1
    assert shop.tick().done["overdue"] == 1


def test_a_stuck_attempt_that_was_called_off_ends_as_that(workshop: MakeWorkshop):
    shop = workshop()
    shop.clerk.take("j", lease=HOUR)
    shop.clerk.ledger.cancel(agent_id="tester", job_id="j", reason="requested")
    _runs_since(shop, "j", 3 * HOUR)
    assert shop.tick().done["overdue"] == 1
    assert shop.clerk.row("j")["status"] == "cancelled"


def test_how_long_is_too_long_is_the_stages_choice(workshop: MakeWorkshop):
    shop = workshop(fleet=FleetSettings(stuck_after=60))
    shop.clerk.take("j", lease=HOUR)
    _runs_since(shop, "j", 4 * MINUTE)
    assert shop.tick().done["overdue"] == 1


def test_leases_that_ended_long_ago_are_removed(workshop: MakeWorkshop):
    shop = workshop()
    shop.clerk.query(
        "INSERT INTO lease (name, holder, expires_at) VALUES"
        " ('leader:gone', 'a', now() - interval '2 hours'), ('leader:late', 'b', now() - interval '1 minute')"
    )
    shop.tick()
    rows = shop.clerk.query("SELECT name FROM lease ORDER BY name")
    assert [row["name"] for row in rows] == ["dispatcher", "leader:late"]


def test_a_failure_of_an_agent_without_a_dead_letter_queue_owes_no_letter(workshop: MakeWorkshop):
    # Given failed jobs: of an agent that takes its jobs over HTTP, and of one that nobody has registered yet
    shop = workshop()
    shop.clerk.query("""UPDATE agent_registry SET endpoint = '{"url": "https://agent.example"}'""")
    shop.clerk.settle(shop.clerk.take("j"), "failed")
    shop.clerk.query(
        "INSERT INTO agent_job_execution (agent_id, job_id, status, dlq_pending, updated_at)"
        " VALUES ('to-come', 'k', 'failed', true, now())"
    )
    assert shop.tick().done["let_go"] == 0
    # When their workers have had their time, and a tick looks
    shop.skip(MINUTE)
    assert shop.tick().done["let_go"] == 1
    # Then the first owes nothing any more, and is what it was; of the second nobody can tell
    row = shop.clerk.row("j")
    assert (row["status"], row["dlq_pending"], row["error"]["code"]) == (
        "failed",
        False,
        "agent_error",
    )
    [other] = shop.clerk.query("SELECT dlq_pending FROM agent_job_execution WHERE job_id = 'k'")
    assert other["dlq_pending"]
