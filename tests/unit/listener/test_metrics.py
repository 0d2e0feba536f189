"""Counts for Prometheus and CloudWatch."""

from __future__ import annotations

from ecs_listener.metrics import MOST_SAMPLES, ListenerMetrics
from muster.contracts import MetricName
from tests.support.telling import MemoryMetrics


def test_what_the_core_counts_is_told_to_both():
    metrics, cloud = ListenerMetrics(), MemoryMetrics()
    metrics.count(MetricName.COMPLETED)
    metrics.count(MetricName.COMPLETED)
    metrics.count(MetricName.FAILED)
    metrics.milliseconds(MetricName.DURATION, 1500)
    text = metrics.render(agent="tester")
    assert 'muster_listener_jobs_total{outcome="completed"} 2' in text
    assert 'muster_listener_run_seconds_bucket{le="1"} 0' in text
    assert 'muster_listener_run_seconds_bucket{le="10"} 1' in text
    assert 'muster_listener_run_seconds_bucket{le="+Inf"} 1' in text
    metrics.flush_to(cloud)
    assert cloud.counts == {MetricName.COMPLETED: 2, MetricName.FAILED: 1}
    assert cloud.durations[MetricName.DURATION] == [1500]


def test_cloudwatch_is_told_each_count_once():
    metrics, cloud = ListenerMetrics(), MemoryMetrics()
    metrics.count(MetricName.COMPLETED)
    metrics.flush_to(cloud)
    metrics.flush_to(cloud)
    assert cloud.counts == {MetricName.COMPLETED: 1}


def test_a_busy_minute_keeps_a_bounded_number_of_durations():
    metrics, cloud = ListenerMetrics(), MemoryMetrics()
    for number in range(10 * MOST_SAMPLES):
        metrics.milliseconds(MetricName.DURATION, number)
    metrics.flush_to(cloud)
    assert len(cloud.durations[MetricName.DURATION]) == MOST_SAMPLES
    assert f"muster_listener_run_seconds_count {10 * MOST_SAMPLES}" in metrics.render()


def test_labels_are_escaped():
    assert 'name="a\\"b\\\\c\\nd"' in ListenerMetrics().render(name='a"b\\c\nd')
