"""Spans that arrive of a hundred, and seconds until the process is gone, for each way a process can end.

    python benchmarks/endings.py
    python benchmarks/endings.py --peers traceo,opentelemetry --json out.json

Each peer runs with the defaults it ships with. The time counts from the last span to the end of the process,
once with an endpoint that takes everything and once with nothing listening there; a third pair of rows has an
endpoint that accepts connections and never answers.
"""

import argparse
import contextlib
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import runner
from harness.venvs import python_of

PEERS = ["traceo", "opentelemetry", "ddtrace", "logfire", "sentry", "elastic"]
ENDINGS = {
    "normal exit": "normal exit",
    "exception": "uncaught exception",
    "SIGTERM": "SIGTERM",
    "os._exit": "`os._exit`",
    "os.fork, os._exit": "`os.fork`, the child calls `os._exit`",
    "os.fork, sys.exit": "`os.fork`, the child ends normally",
    "multiprocessing fork": "`multiprocessing`, fork",
    "multiprocessing spawn": "`multiprocessing`, spawn",
}
MUTE = ("normal exit", "SIGTERM")
PATIENCE_S = 60.0


def end_once(peer: str, ending: str, endpoint: str) -> float:
    """Run one process to its end; gives the seconds it took from its last span on."""
    process = subprocess.Popen(
        [str(python_of(peer)), str(runner.HERE / "harness" / "ending.py"), peer, endpoint, ending],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "OTEL_SDK_DISABLED": "false"},
    )
    assert process.stdout is not None
    made = 0.0
    for line in process.stdout:
        if line.startswith("made"):
            made = float(line.split()[1])
            break
    if ending == "SIGTERM":
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE_S)
        return time.monotonic() - made
    except subprocess.TimeoutExpired:
        return PATIENCE_S
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def delivered(endpoint: str) -> int:
    """How many spans have arrived; waits until no more come."""
    count, quiet_since = -1, time.monotonic()
    while time.monotonic() - quiet_since < 0.3:
        now = runner.ask(f"{endpoint}/_count")["spans"]
        if now != count:
            count, quiet_since = now, time.monotonic()
        time.sleep(0.05)
    return count


def measure(peers: list[str], rounds: int) -> list[dict[str, Any]]:
    """One row for each round, ending and peer."""
    rows: list[dict[str, Any]] = []
    with runner.sink() as up, socket.create_server(("127.0.0.1", 0)) as mute, _closed_port() as down:
        silent = f"http://127.0.0.1:{mute.getsockname()[1]}"
        for round_number in range(rounds):
            for ending in ENDINGS:
                for peer in peers:
                    print(f"· {round_number + 1}/{rounds} {ending}: {peer}", file=sys.stderr)
                    runner.ask(f"{up}/_reset", post=True)
                    row: dict[str, Any] = {"peer": peer, "ending": ending, "up_s": end_once(peer, ending, up)}
                    row["delivered"] = delivered(up)
                    row["down_s"] = end_once(peer, ending, down)
                    if ending in MUTE:
                        row["mute_s"] = end_once(peer, ending, silent)
                    rows.append(row)
    return rows


class _closed_port:  # noqa: N801 - reads as what it gives
    """A URL where nothing listens: the port is bound and nobody accepts."""

    def __enter__(self) -> str:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def table(title: str, rows: list[dict[str, Any]], peers: list[str], figure: str, form: str) -> str:
    lines = [[title, *peers], ["---"] * (len(peers) + 1)]
    for ending, label in ENDINGS.items():
        cells = [
            [row[figure] for row in rows if (row["ending"], row["peer"]) == (ending, peer) and figure in row]
            for peer in peers
        ]
        if any(cells):
            lines.append([label, *(form.format(statistics.median(cell)) if cell else "" for cell in cells)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", help=f"comma-separated; default: {','.join(PEERS)}")
    parser.add_argument("--rounds", type=int, default=1, help="the median of so many runs (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures")
    options = parser.parse_args()
    peers = options.peers.split(",") if options.peers else PEERS
    if unknown := set(peers) - set(PEERS):
        parser.error(f"no peer {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    rows = measure(peers, options.rounds)
    for title, figure, form in (
        ("spans delivered of 100", "delivered", "{:.0f}"),
        ("seconds to end, endpoint up", "up_s", "{:.2f}"),
        ("seconds to end, nothing listens", "down_s", "{:.2f}"),
        ("seconds to end, no answer ever", "mute_s", "{:.2f}"),
    ):
        print(table(title, rows, peers, figure, form), end="\n\n", flush=True)
    if options.json:
        about = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "system": platform.platform(),
        }
        options.json.write_text(json.dumps({"about": about, "results": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
