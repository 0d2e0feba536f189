"""Webhooks: how a sender proves itself, and what a proven delivery becomes."""
