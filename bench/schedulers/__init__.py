"""Muster's dispatcher as a contestant among schedulers."""
