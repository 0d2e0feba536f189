"""Consumers that the listener is compared to. Each runs by itself, from the settings in its environment.

They are written as their own documentation has it and sized for what they can bear; none of them keeps a
record of what it ran. Their libraries are installed apart from Muster's: see `bench/installation.py`.
"""
