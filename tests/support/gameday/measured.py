"""What the local cloud emits, read as CloudWatch reads it, and its queues as SQS measures them."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from muster.contracts import OutputKey
from tests.support.deployed import DeployedCopy
from tests.support.gameday.alarm import Metric

#: Milliseconds by which lines may come late.
_LATE = 120_000
#: Metrics that Lambda keeps of a function, each with the statistic that stands for one minute.
_OF_FUNCTIONS = {"Errors": "Sum", "Throttles": "Sum", "Duration": "Maximum"}


@dataclass(kw_only=True)
class Measured:
    """Metrics of some agents and of the dispatcher since the last look."""

    copy: DeployedCopy
    #: Log group of the dispatcher.
    dispatcher_logs: str
    dispatcher_function: str
    #: When time was skipped, and how much: what was sent before is older by that.
    skips: list[tuple[float, timedelta]] = field(default_factory=list[tuple[float, timedelta]])
    _seen: set[tuple[str, int, str]] = field(default_factory=set[tuple[str, int, str]])
    _offsets: dict[str, int] = field(default_factory=dict[str, int])
    _since: float = field(default_factory=time.time)
    _begun: float = field(default_factory=time.time)

    def look(self, agents: Iterable[str]) -> dict[Metric, list[float]]:
        """Everything that came, or is so, of these agents."""
        found: dict[Metric, list[float]] = defaultdict(list)
        since, self._since = self._since, time.time()
        described = self.copy.described["agents"]
        groups, functions = {self.dispatcher_logs}, {self.dispatcher_function}
        for agent in agents:
            told = described[agent]
            functions |= {told["function_name"]} if "function_name" in told else set()
            groups |= {self._log_groups[agent]} if "function_name" in told else set()
            for metric, value in self._embedded(self._listener_lines(agent)):
                found[metric].append(value)
            self._queues(told, found)
        for group in groups:
            for metric, value in self._embedded(self._lines(group, since)):
                found[metric].append(value)
        for function in functions:
            self._function(function, since, found)
        return found

    @cached_property
    def _log_groups(self) -> dict[str, str]:
        """Of agents, as their stack put it out: the ledger may be away."""
        [told] = [
            json.loads(stack[OutputKey.AGENTS])
            for stack in self.copy.described["stacks"].values()
            if OutputKey.AGENTS in stack
        ]
        return {agent: endpoint["log_group"] for agent, endpoint in told.items()}

    def _lines(self, group: str, since: float) -> Iterator[str]:
        # What was there before it all began is another game's.
        start = max(int(since * 1000) - _LATE, int(self._begun * 1000))
        asked: dict[str, Any] = {"logGroupName": group, "startTime": start}
        for event in self.copy.aws.client("logs").filter_log_events(**asked)["events"]:
            seen = (event["logStreamName"], event["timestamp"], event["message"])
            if seen not in self._seen:
                self._seen.add(seen)
                yield event["message"]

    def _listener_lines(self, agent: str) -> list[str]:
        """What an agent's listener wrote since the last look; all but nothing at the first."""
        file = self.copy.checkout.listener_log(agent)
        if not file.exists():
            return []
        size = file.stat().st_size
        begin = self._offsets.get(agent, size)
        self._offsets[agent] = size
        with file.open("rb") as log:
            log.seek(begin)
            return log.read(size - begin).decode("utf-8", "replace").splitlines()

    def _embedded(self, lines: Iterable[str]) -> Iterator[tuple[Metric, float]]:
        for line in lines:
            if '"CloudWatchMetrics"' not in line:
                continue
            record = json.loads(line)
            for block in record["_aws"]["CloudWatchMetrics"]:
                for names in block["Dimensions"]:
                    dimensions = tuple(sorted((name, record[name]) for name in names))
                    for metric in block["Metrics"]:
                        said = record[metric["Name"]]
                        for value in said if isinstance(said, list) else [said]:
                            yield (block["Namespace"], metric["Name"], dimensions), float(value)

    def _queues(self, told: Mapping[str, Any], found: dict[Metric, list[float]]) -> None:
        sqs = self.copy.aws.client("sqs")
        for url in (told["dlq_url"], *told["queues"].values()):
            dimensions = (("QueueName", url.rpartition("/")[2]),)
            try:
                depth = sqs.get_queue_attributes(
                    QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
                )["Attributes"]["ApproximateNumberOfMessages"]
            except sqs.exceptions.QueueDoesNotExist:
                continue  # and no metric of it
            name = ("AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions)
            found[name].append(float(depth))
            if int(depth) and url != told["dlq_url"]:
                age = self._age(sqs, url)
                found["AWS/SQS", "ApproximateAgeOfOldestMessage", dimensions].append(age)

    def _age(self, sqs: Any, url: str) -> float:
        """Seconds since the oldest of its visible messages was sent, with the time that was skipped."""
        peeked = sqs.receive_message(
            QueueUrl=url,
            VisibilityTimeout=0,
            MaxNumberOfMessages=10,
            AttributeNames=["SentTimestamp"],
        ).get("Messages", [])
        sent = [int(message["Attributes"]["SentTimestamp"]) / 1000 for message in peeked]
        now = time.time()
        ages = [
            now - at + sum(skip.total_seconds() for when, skip in self.skips if when > at)
            for at in sent
        ]
        return max(ages, default=0.0)

    def _function(self, name: str, since: float, found: dict[Metric, list[float]]) -> None:
        cloudwatch = self.copy.aws.client("cloudwatch")
        for metric, statistic in _OF_FUNCTIONS.items():
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/Lambda",
                MetricName=metric,
                Dimensions=[{"Name": "FunctionName", "Value": name}],
                StartTime=datetime.fromtimestamp(since, UTC),
                EndTime=datetime.now(UTC),
                Period=86_400,
                Statistics=[statistic],
            )["Datapoints"]
            if points:
                values = [point[statistic] for point in points]
                key = ("AWS/Lambda", metric, (("FunctionName", name),))
                found[key].append(sum(values) if statistic == "Sum" else max(values))
