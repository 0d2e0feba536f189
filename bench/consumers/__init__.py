"""Muster's own consumers as `bench/listener.py` starts them."""
