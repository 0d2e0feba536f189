"""The benchmark of what is not warm runs, and tells each figure apart."""

from __future__ import annotations

from bench.from_zero import measure


def test_each_way_to_begin_from_nothing_has_a_figure_of_its_own():
    # When a function and a listener are started once each
    report = measure(runs=1)
    # Then their jobs began after they did, and a service without a task is told beside them
    function, listener, planned, _, unplanned, _ = report.figures.values()
    assert function > 0
    assert listener > 0
    # A planned fire is known minutes before its time, so that the task is there; what nobody planned waits
    assert planned < unplanned
