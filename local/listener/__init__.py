"""Listeners of the local cloud: processes in the place of Fargate tasks."""
