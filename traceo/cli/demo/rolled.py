"""A collector that writes its segments at once, so that there are files to look at; usually it waits minutes.

python -m traceo.cli.demo.rolled PORT DIR
"""

import sys
from pathlib import Path

from traceo.collector import Settings, serve

__all__: list[str] = []

if __name__ == "__main__":
    serve(Settings(data=Path(sys.argv[2]), port=int(sys.argv[1]), roll_after_s=0.2))
