"""What an agent is handed."""

from __future__ import annotations

import pytest

from muster import Job, agent
from muster.job import AGENT_MARK


def test_a_marked_function_stays_what_it_was():
    @agent
    def work(job: Job) -> str:
        return job.id

    assert work(Job(id="j", params={})) == "j"
    assert getattr(work, AGENT_MARK) is True


def test_a_job_of_a_test_needs_only_an_id_and_params():
    job = Job(id="j", params={"n": 1})
    job.checkpoint({"page": 1})
    job.log.info("fine")
    assert (job.attempt, job.tenant, job.state, job.deadline) == (1, "default", None, None)


def test_counts_add_up_and_nothing_is_counted_as_nothing():
    job = Job(id="j", params={})
    job.count(items_processed=2)
    job.count(items_processed=3, input_tokens=7)
    job.count()
    assert job.counters == {"itemsProcessed": 5, "inputTokens": 7}


def test_secrets_do_not_show():
    assert "canary" not in repr(Job(id="j", params={}, secrets={"TOKEN": "canary"}))


def test_a_job_cannot_be_changed():
    with pytest.raises(AttributeError):
        Job(id="j", params={}).id = "other"  # type: ignore[misc] - that is the point
