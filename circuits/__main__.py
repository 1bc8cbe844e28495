"""`python -m circuits`: see `circuits.command_line`."""

import sys

from circuits.command_line import main

if __name__ == "__main__":
    sys.exit(main())
