"""Runs one scrubber over texts, in the scrubber's own interpreter: ``python scrub.py NAME < texts > results``.

In: one JSON string a line; an empty line ends what is judged, and the rest is for the stop-watch. Out: a JSON
object a line with ``text`` and ``spans``, then one with ``us_per_100``, process time per 100 characters never
seen before.
"""

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path

_SECONDS = 8.0

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    scrubber = import_module(f"scrubbers.{sys.argv[1]}")
    lines = iter(sys.stdin)
    for line in lines:
        if line == "\n":
            break
        text = json.loads(line)
        print(json.dumps({"text": scrubber.redact(text), "spans": scrubber.find(text)}))
    timed = [json.loads(line) for line in lines]
    chars, began = 0, time.process_time()
    for text in timed:
        scrubber.redact(text)
        chars += len(text)
        if time.process_time() - began > _SECONDS:
            break
    print(json.dumps({"us_per_100": (time.process_time() - began) / chars * 1e8}), flush=True)
