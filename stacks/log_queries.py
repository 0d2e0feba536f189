"""Questions that come up about an agent's log, in the language of CloudWatch Logs Insights.

They ask for keys of the lines that `muster.execution.record` writes, and of Lambda's own reports.
"""

from __future__ import annotations

from collections.abc import Mapping

#: What stands in the query for one job, to be replaced.
THE_JOB = "the id of the job or of its execution"

#: Which errors there are, each with the last job that had it: also on the agent's dashboard.
ERRORS_BY_KIND = """\
filter kind in ["failed", "retried"]
| stats count(*) as times, latest(job) as last_job by code, class
| sort times desc
| limit 20"""

#: By the last part of their names.
QUERIES: Mapping[str, str] = {
    "errors": """\
fields @timestamp, level, job, execution, attempt, code, message
| filter level in ["WARNING", "ERROR", "CRITICAL"] or @message like /Task timed out|Runtime\\.|signal: killed/
| sort @timestamp desc
| limit 200""",
    "one-job": f"""\
fields @timestamp, level, attempt, message
| filter job = "{THE_JOB}" or execution = "{THE_JOB}"
| sort @timestamp asc
| limit 1000""",
    "slow-jobs": """\
fields @timestamp, job, execution, attempt, status, duration_ms, latency_ms
| filter ispresent(duration_ms)
| sort duration_ms desc
| limit 50""",
}

#: Of functions only: a service has no cold starts.
COLD_STARTS: Mapping[str, str] = {
    "cold-starts": """\
filter type = "platform.report" and ispresent(record.metrics.initDurationMs)
| stats count(*) as cold_starts, pct(record.metrics.initDurationMs, 50) as p50_ms, \
max(record.metrics.initDurationMs) as longest_ms by bin(1h)""",
}
