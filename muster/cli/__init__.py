"""The `muster` command: what an operator does against a deployed stage, local or not.

Results go to stdout, progress and errors to stderr. Exit codes are in `muster.cli.exit`.
"""

from muster.cli.main import main

__all__ = ["main"]
