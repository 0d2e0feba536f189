"""Alarms of a template, and whether metrics meet their conditions, as CloudWatch would say."""

from __future__ import annotations

import ast
import math
import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Namespace, name, and dimensions with their values, sorted.
Metric = tuple[str, str, tuple[tuple[str, str], ...]]
#: The values of each metric that came in one minute.
Minute = Mapping[Metric, Sequence[float]]

_MEETS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


#: Who, what, and the page.
_DESCRIPTION = re.compile(r"(.*?\)) .* Runbook: docs/runbooks/([\w-]+)\.md")


class Silent(Exception):
    """A formula needs a metric that has no value in this period."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One metric as an alarm looks at it."""

    metric: Metric
    statistic: str
    #: Length of a period.
    minutes: int

    def value(self, minutes: Sequence[Minute]) -> float | None:
        """Its statistic over one period; None where nothing came."""
        values = [value for minute in minutes for value in minute.get(self.metric, ())]
        return _statistic(self.statistic, values) if values else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """The condition of one alarm, and what it says."""

    name: str
    #: Who it is about: `Agent always-fails (local)`.
    owner: str
    #: Name of its runbook, without folder and suffix.
    page: str
    series: Mapping[str, Series]
    #: Over the names of `series`; empty: the one series itself.
    expression: str
    comparison: str
    threshold: float
    #: On end.
    periods: int
    #: `breaching` or `notBreaching`.
    missing: str

    @property
    def length(self) -> int:
        """Minutes of one period."""
        return max(series.minutes for series in self.series.values())

    def met(self, history: Sequence[Minute]) -> bool:
        """Whether the last periods of a history all meet it; minutes before its begin were silent."""
        return all(self._meets(period) for period in self._periods(history))

    def seen(self, history: Sequence[Minute]) -> list[float | None]:
        """The datapoints that it is judged by, oldest first."""
        return [self._value(period) for period in self._periods(history)]

    def __str__(self) -> str:
        formula = self.expression or next(iter(self.series.values())).metric[1]
        sign = ">=" if self.comparison.startswith("Greater") else "<"
        return f"{self.name}: {formula} {sign} {self.threshold:g} for {self.periods} x {self.length} min"

    def _periods(self, history: Sequence[Minute]) -> Iterator[Sequence[Minute]]:
        for number in range(self.periods, 0, -1):
            end = len(history) - (number - 1) * self.length
            yield history[max(0, end - self.length) : max(0, end)]

    def _meets(self, period: Sequence[Minute]) -> bool:
        value = self._value(period)
        if value is None:
            return self.missing == "breaching"
        return _MEETS[self.comparison](value, self.threshold)

    def _value(self, period: Sequence[Minute]) -> float | None:
        values = {id_: series.value(period) for id_, series in self.series.items()}
        if not self.expression:
            (value,) = values.values()
            return value
        try:
            return evaluate(self.expression, values)
        except Silent:
            return None


def evaluate(expression: str, values: Mapping[str, float | None]) -> float:
    """Metric math, as much of it as the alarms speak, over one period.

    Raises:
        Silent: a metric that is not filled has no value.
        ValueError: the formula says something else.
    """
    text = re.sub(r"\b(AND|OR)\b", lambda found: found[0].lower(), expression)
    return float(_evaluated(ast.parse(text, mode="eval").body, values))


def _evaluated(node: ast.expr, values: Mapping[str, float | None]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=id_):
            found = values[id_]
            if found is None:
                raise Silent(id_)
            return found
        case ast.List(elts=parts):
            return [_evaluated(part, values) for part in parts]
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_evaluated(left, values), _evaluated(right, values))
        case ast.BoolOp(op=op, values=parts):
            together = all if isinstance(op, ast.And) else any
            return together([_evaluated(part, values) for part in parts])
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _ARITHMETIC[type(op)](_evaluated(left, values), _evaluated(right, values))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, arguments, values)
    raise ValueError(f"not understood: {ast.unparse(node)}")


def _call(name: str, arguments: Sequence[ast.expr], values: Mapping[str, float | None]) -> Any:
    if name == "FILL":
        try:
            return _evaluated(arguments[0], values)
        except Silent:
            return _evaluated(arguments[1], values)
    if name == "IF":
        condition, then, otherwise = arguments
        return _evaluated(then if _evaluated(condition, values) else otherwise, values)
    known: Mapping[str, Callable[..., Any]] = {"MAX": max, "MIN": min, "CEIL": math.ceil}
    if name not in known:
        raise ValueError(f"not understood: {name}")
    return known[name](*[_evaluated(argument, values) for argument in arguments])


_ARITHMETIC: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
}


def _statistic(name: str, values: Sequence[float]) -> float:
    if name.startswith("p"):
        rank = math.ceil(len(values) * float(name[1:]) / 100)
        return sorted(values)[max(0, rank - 1)]
    return {"Sum": sum, "Maximum": max, "Minimum": min, "Average": statistics.fmean}[name](values)


def alarms(
    template: Mapping[str, Any], *, name_of: Callable[[str], str] = lambda logical: logical
) -> list[Alarm]:
    """The alarms of a template that have a runbook.

    Args:
        name_of: name of a queue, function or other resource by its logical id.
    """
    return [
        _alarm(resource, name_of)
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        and " Runbook: " in resource["Properties"]["AlarmDescription"]
    ]


def _alarm(resource: Mapping[str, Any], name_of: Callable[[str], str]) -> Alarm:
    said = resource["Properties"]
    found = _DESCRIPTION.fullmatch(said["AlarmDescription"])
    assert found is not None, said["AlarmDescription"]
    owner, runbook = found.groups()
    queries = said.get("Metrics")
    if queries is None:
        statistic = said.get("Statistic") or said["ExtendedStatistic"]
        series = {"watched": _series(said, statistic, said["Period"], name_of)}
        expression = ""
    else:
        (expression,) = (query["Expression"] for query in queries if "Expression" in query)
        stats = {query["Id"]: query["MetricStat"] for query in queries if "MetricStat" in query}
        series = {
            id_: _series(stat["Metric"], stat["Stat"], stat["Period"], name_of)
            for id_, stat in stats.items()
        }
    return Alarm(
        name=resource["Metadata"]["aws:cdk:path"].rpartition("/")[2],
        owner=owner,
        page=runbook,
        series=series,
        expression=expression,
        comparison=said["ComparisonOperator"],
        threshold=said["Threshold"],
        periods=said["EvaluationPeriods"],
        missing=said["TreatMissingData"],
    )


def _series(
    said: Mapping[str, Any], statistic: str, seconds: int, name_of: Callable[[str], str]
) -> Series:
    dimensions = {d["Name"]: _name(d["Value"], name_of) for d in said.get("Dimensions", ())}
    return Series(
        metric=(said["Namespace"], said["MetricName"], tuple(sorted(dimensions.items()))),
        statistic=statistic,
        minutes=seconds // 60,
    )


def _name(value: Any, name_of: Callable[[str], str]) -> str:
    if isinstance(value, str):
        return value
    [(kind, inner)] = value.items()
    return name_of(inner if kind == "Ref" else inner[0])
