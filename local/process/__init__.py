"""Processes that can be found again, and that cannot outlive whoever started them."""
