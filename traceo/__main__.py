"""``python -m traceo`` is ``traceo``."""

import sys

from traceo.cli import main

if __name__ == "__main__":
    sys.exit(main())
