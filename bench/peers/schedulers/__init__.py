"""Schedulers that the dispatcher is compared to, each started by itself with what is due in its own store.

They are written as their own documentation has it. Their libraries are installed apart from Muster's.
"""
