"""Runs one scenario with one peer, in the peer's own interpreter, pinned to the first core; prints one JSON line.

python child.py SCENARIO PEER ENDPOINT
"""

import importlib
import json
import os
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # scenarios and peers, not this folder

if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    _, scenario, peer_name, endpoint = sys.argv
    peer = importlib.import_module(f"peers.{peer_name.replace('-', '_')}")
    measured = importlib.import_module(scenario).measure(peer, endpoint)
    print(json.dumps(measured), flush=True)
