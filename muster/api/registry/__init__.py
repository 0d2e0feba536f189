"""Agents and their instances over HTTP, under `/v1`."""
