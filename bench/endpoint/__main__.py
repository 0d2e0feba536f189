"""Runs the endpoint until its standard input ends: `python -m bench.endpoint [--latency S]`.

Its first line on standard output is its URL.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from bench.endpoint.operations import Service
from bench.endpoint.wire import Wire

_LOOPBACK = "127.0.0.1"


async def _serve(latency: float) -> None:
    loop = asyncio.get_running_loop()
    service = Service("", latency=latency)
    server = await loop.create_server(lambda: Wire(service), _LOOPBACK, 0, backlog=512)
    service.url = f"http://{_LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    print(service.url, flush=True)
    # A benchmark that dies leaves no endpoint behind.
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--latency", type=float, default=0.005, help="seconds to each answer")
    asyncio.run(_serve(parser.parse_args().latency))


if __name__ == "__main__":
    main()
