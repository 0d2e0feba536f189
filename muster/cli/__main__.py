"""`python -m muster.cli`: the runtime's commands, without those of the local cloud."""

import sys

from muster.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
