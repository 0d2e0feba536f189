"""What the emulator of the local stage does not know."""

from __future__ import annotations

#: What `Stage.lacks` calls an alarm over a formula of several metrics.
METRIC_MATH = "AWS::CloudWatch::Alarm Metrics"

#: Alarms stay that look at one metric.
LACKS = frozenset({"AWS::CloudWatch::CompositeAlarm", "AWS::Logs::QueryDefinition", METRIC_MATH})
