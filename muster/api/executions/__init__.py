"""Executions over HTTP: workers outside take jobs, and report on what they hold."""
