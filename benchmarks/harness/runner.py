"""Interleaves the peers of a scenario over several rounds and takes medians."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.venvs import ROOT, python_of

HERE = ROOT / "benchmarks"


@contextlib.contextmanager
def sink() -> Iterator[str]:
    """A running sink; gives its URL and stops it by its process id."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        process = subprocess.Popen(
            [str(python_of("traceo")), "-m", "harness.sink", str(port_file)],
            cwd=HERE,
            env={**os.environ, "PYTHONPATH": str(HERE)},
        )
        try:
            deadline = time.monotonic() + 20
            while not port_file.exists():
                if time.monotonic() > deadline or process.poll() is not None:
                    raise RuntimeError("the sink did not start")
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port_file.read_text()}"
        finally:
            process.terminate()
            process.wait()


def ask(url: str, *, post: bool = False) -> dict[str, int]:
    request = urllib.request.Request(url, data=b"" if post else None, method="POST" if post else "GET")
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


def run(scenario: ModuleType, *, peers: list[str], rounds: int) -> dict[str, Any]:
    """Every peer once per round, in turn, then medians per figure."""
    samples: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
    name = scenario.__name__
    with sink() as endpoint:
        for round_number in range(rounds):
            for peer in peers:
                print(f"· {name} {round_number + 1}/{rounds} {peer}", file=sys.stderr)
                samples[peer].append(_once(name, peer, endpoint))
    table = {}
    for peer, rows in samples.items():
        keys = rows[0].keys()
        table[peer] = {key: statistics.median(row[key] for row in rows) for key in keys}
    finish = getattr(scenario, "finish", None)
    if finish is not None:
        finish(table)
    return {"scenario": name, "title": scenario.TITLE, "rounds": rounds, "peers": table, "samples": samples}


def _once(name: str, peer: str, endpoint: str) -> dict[str, float]:
    module, _, flavour = peer.partition("-")
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
        "TRACEO_PURE": "1" if flavour == "pure" else "",
    }
    if not environment["TRACEO_PURE"]:
        del environment["TRACEO_PURE"]
    ask(f"{endpoint}/_reset", post=True)
    done = subprocess.run(
        [str(python_of(module)), str(HERE / "harness" / "child.py"), name, module, endpoint],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
    )
    row: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    counted = ask(f"{endpoint}/_count")
    return {**row, "delivered": counted["spans"], "wire_bytes": counted["bytes"]}
