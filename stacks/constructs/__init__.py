"""Constructs, one noun a file."""
