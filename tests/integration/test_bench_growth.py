"""The benchmark of a growing ledger runs, small, and its figure that no load can change holds."""

from __future__ import annotations

from bench.growth import measure


def test_a_job_touches_as_many_blocks_in_a_large_ledger_as_in_a_small_one():
    # Given sizes that differ two hundred times / When claims and settles are measured at both
    report = measure(sizes=(100, 20_000), seconds=0.5, rounds=2, minutes=60, free_gib=0)
    # Then a job costs about the same
    assert report.figures["largest, rows"] == 20_000
    [blocks, _] = report.bars
    assert blocks.holds, report.to_json()


def test_it_stops_before_it_fills_the_disk():
    report = measure(sizes=(0, 10**12), seconds=0.1, rounds=1, minutes=5, free_gib=1)
    assert report.figures["largest, rows"] == 0
    assert "free" in report.figures["stopped"]
