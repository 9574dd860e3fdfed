"""A process that makes a hundred spans and ends, in the peer's own interpreter; run by `benchmarks/endings.py`.

python ending.py PEER ENDPOINT ENDING

It is written as an application would be: the peer is started when the module is imported, so that a child of
`multiprocessing` with the method spawn starts it again. It prints a line when the spans are made.
"""

import importlib
import multiprocessing
import os
import sys
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # peers, not this folder

SPANS = 100

_, _peer_name, _endpoint, _ending = sys.argv
# Its own default: what the other scenarios set is for a clean stop.
_options = {"shutdown_timeout": 2} if _peer_name == "sentry" else {}
peer = importlib.import_module(f"peers.{_peer_name}")
peer.start(_endpoint, **_options)


def spans():
    for number in range(SPANS):
        peer.span(number)
    print("made", time.monotonic(), flush=True)


def fork(leave):
    child = os.fork()
    if child == 0:
        spans()
        leave(0)
    os.waitpid(child, 0)


def in_child(method):
    process = multiprocessing.get_context(method).Process(target=spans)
    process.start()
    process.join()


def main():
    if _ending.startswith("multiprocessing"):
        in_child(_ending.split()[1])
    elif _ending == "os.fork, os._exit":
        fork(os._exit)
    elif _ending == "os.fork, sys.exit":
        fork(sys.exit)
    else:
        spans()
        if _ending == "exception":
            raise ValueError("no")
        if _ending == "os._exit":
            os._exit(0)
        if _ending == "SIGTERM":
            time.sleep(60)


if __name__ == "__main__":
    main()
