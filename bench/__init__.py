"""Benchmarks: each is one command, `python -m bench.NAME`, with `--json` for one object on stdout."""
