"""Muster's API as its function composes it: key, rate, check, record in Postgres, message to SQS."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from typing import Any

from bench.submitters.timed import timed
from muster.api.host import application


def _event(number: int, *, key: str, agent: str, run: str) -> dict[str, Any]:
    body = {
        "agent_id": agent,
        "job_id": f"{run}-{number}",
        "params": {"url": "https://example.com/"},
    }
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/jobs",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "authorization": f"Bearer {key}"},
        "requestContext": {"stage": "$default", "http": {"method": "POST", "path": "/jobs"}},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def main() -> None:
    """Warm up, then submit as many jobs as asked for, one after another."""
    parser = argparse.ArgumentParser()
    for name in ("--key", "--agent", "--run"):
        parser.add_argument(name, required=True)
    parser.add_argument("--calls", type=int, required=True)
    given = parser.parse_args()
    api = application()

    def events(numbers: range) -> list[dict[str, Any]]:
        return [_event(n, key=given.key, agent=given.agent, run=given.run) for n in numbers]

    def submit(asked: list[dict[str, Any]]) -> None:
        for event in asked:
            said = api.answer(event, None)
            if said["statusCode"] != 202:
                sys.exit(f"answered {said['statusCode']}: {said['body']}")

    submit(events(range(-50, 0)))
    asked = events(range(given.calls))
    print(timed(given.calls, partial(submit, asked)))


if __name__ == "__main__":
    main()
