"""grafana/: dashboards and scrape configuration ask for what is really exposed, and for nothing else."""

from __future__ import annotations

from typing import Any, cast

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from muster.api.metrics.exposition import HELP, Sample, exposition
from muster.api.routes import ROUTES
from muster.keys.access import GRANTS, Role
from tests.support.grafana import DASHBOARDS, GRAFANA, expressions, grouped, selectors
from tests.support.listener_text import listener_text

#: Labels that Prometheus gives to whatever it scrapes.
TARGET = {"instance", "job"}


def told(text: str) -> dict[str, set[str]]:
    """Names of samples with their labels, by Prometheus's own parser."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def by_the_api() -> dict[str, set[str]]:
    return told(exposition(Sample(name=name, labels={"agent": "a"}, value=1) for name in HELP))


def asked(dashboard: str) -> set[str]:
    return {name for expression in expressions(dashboard) for name, _ in selectors(expression)}


def test_each_panel_of_agents_asks_for_what_the_api_exposes_and_each_metric_has_a_panel():
    # Its labels are held against real answers in tests/integration/api/test_metrics.py.
    assert asked("agents.json") == set(by_the_api()) == set(HELP)


@pytest.mark.parametrize("expression", expressions("listeners.json"))
def test_a_panel_of_listeners_asks_for_what_they_expose(expression: str):
    exposed = told(listener_text())
    used = selectors(expression)
    assert used
    for name, chosen in used:
        assert name in exposed, expression
        assert chosen <= exposed[name] | TARGET, expression
    labels = set[str]().union(*(exposed[name] for name, _ in used))
    assert grouped(expression) <= labels | TARGET, expression


def test_there_is_no_other_dashboard_and_no_two_panels_are_one():
    assert DASHBOARDS == ("agents.json", "listeners.json")
    for dashboard in DASHBOARDS:
        found = expressions(dashboard)
        assert len(set(found)) == len(found)


def test_the_configuration_scrapes_paths_that_answer_by_a_key_that_may():
    # Given the two jobs; neither has rules, so they hold no expressions
    said = yaml.safe_load((GRAFANA / "prometheus.yml").read_text("utf-8"))
    assert set(said) == {"global", "scrape_configs"}
    api, listeners = cast("list[dict[str, Any]]", said["scrape_configs"])
    # Then the API has the path, and the role that the file speaks of may read it
    [route] = [r for r in ROUTES if r.method == "GET" and r.path == api["metrics_path"]]
    assert route.scope in GRANTS[Role.VIEWER]
    assert "authorization" in api
    # And listeners are joined with their agent by the target's label, which theirs must not replace
    assert "honor_labels" not in listeners
    assert listeners["metrics_path"] == "/metrics"


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("up", [("up", set[str]())]),
        ('sum by (agent) (rate(a_total{x=~"b{c}", y="by (z)"}[5m]))', [("a_total", {"x", "y"})]),
        ("a * on (instance) group_left (agent) b{}", [("a", set[str]()), ("b", set[str]())]),
        ("histogram_quantile(0.95, a_bucket) / 1e3", [("a_bucket", set[str]())]),
    ],
)
def test_an_expression_is_taken_apart(expression: str, found: list[tuple[str, set[str]]]):
    assert selectors(expression) == found
