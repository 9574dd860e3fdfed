"""A long run: 5 000 spans a second while the collector is killed and started again every 30 seconds.

    python benchmarks/soak.py                     # ten minutes
    python benchmarks/soak.py --minutes 1 --json out.json --plot out.svg
    python benchmarks/soak.py --no-spool          # the same with everything in memory

Says whether created = stored + counted drops, how memory went, and how long the application's own requests took next to
a run without Traceo. The application is pinned to the first core, the collector to the last.
"""

import argparse
import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import plot
from harness.venvs import python_of

HERE = Path(__file__).resolve().parent
MiB = 1024 * 1024


class Collector:
    """`traceo collector` at one address, killed and started again by a thread."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.kills = 0
        self._over = threading.Event()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                str(python_of("traceo")),
                "-m",
                "traceo",
                "collector",
                "--port",
                str(self.port),
                "--data",
                str(self.data),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        os.sched_setaffinity(self.process.pid, {max(os.sched_getaffinity(0))})
        assert self.process.stdout is not None
        if "listens on" not in self.process.stdout.readline():
            raise RuntimeError("the collector did not start")

    def kill_every(self, every_s: float, down_s: float) -> threading.Thread:
        def run() -> None:
            while not self._over.wait(every_s - down_s):
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
                self.kills += 1
                time.sleep(down_s)
                self.start()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def spare(self, thread: threading.Thread) -> None:
        self._over.set()
        thread.join()

    def figures(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/api/traceo/status", timeout=60) as answer:
            return json.loads(answer.read())

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
        if self.process.poll() is None:
            self.process.kill()


def application(seconds: float, rate: int, endpoint: str, **environ: str) -> list[dict[str, Any]]:
    """Its lines: windows of ten seconds, and the status at the end."""
    process = subprocess.Popen(
        [str(python_of("traceo")), str(HERE / "harness" / "soaked.py"), str(seconds), str(rate), endpoint],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(json.loads(line))
        if "p99_ms" in lines[-1]:
            window = lines[-1]
            print(
                f"· {window['at_s']:.0f} s, {window['spans']} spans, {window['rss'] / MiB:.0f} MiB, "
                f"p99 {window['p99_ms']:.2f} ms",
                file=sys.stderr,
            )
    if process.wait():
        raise RuntimeError("the application failed")
    return lines


def heir(collector: Collector, spool: str) -> dict[str, Any]:
    """Another process with the same spool sends what the application left there."""
    code = (
        "import json, time, traceo\n"
        "traceo.init(instrument='off')\n"
        "deadline = time.monotonic() + 120\n"
        "while time.monotonic() < deadline and traceo.status().recovered.spooled: time.sleep(0.1)\n"
        "time.sleep(1); traceo.shutdown(30); print(json.dumps(traceo.status().to_dict()))"
    )
    done = subprocess.run(
        [str(python_of("traceo")), "-c", code],
        env={**os.environ, "TRACEO_ENDPOINT": collector.url, "TRACEO_SPOOL_DIR": spool},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def soak(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    seconds, rate = options.minutes * 60, options.spans // 5
    print("· without Traceo", file=sys.stderr)
    bare = application(min(seconds, 120), rate, "-")
    collector = Collector(folder / "data")
    spool = "" if options.no_spool else str(folder / "state")
    try:
        killer = collector.kill_every(options.every, options.down)
        try:
            *windows, end = application(seconds, rate, collector.url, TRACEO_SPOOL_DIR=spool)
        finally:
            collector.spare(killer)
        status = end["status"]
        recovered = heir(collector, spool)["recovered"] if status["spans"]["spooled"] else None
        figures = collector.figures()
    finally:
        collector.stop()
    spans = status["spans"]
    dropped = sum(spans["dropped"].values()) + (sum(recovered["dropped"].values()) if recovered else 0)
    return {
        "minutes": options.minutes,
        "kills": collector.kills,
        "spool": not options.no_spool,
        "made": end["made"],
        "created": spans["created"],
        "stored": figures["spans"],
        "dropped": dropped,
        "reasons": spans["dropped"],
        "duplicates_refused": figures["duplicates"],
        "retries": status["retries"],
        "unexplained": spans["created"] - figures["spans"] - dropped,
        "left_for_the_next_process": spans["spooled"],
        "cpu_us_per_span": windows[-1]["cpu_s"] / windows[-1]["spans"] * 1e6,
        "cpu_us_per_span_bare": bare[-1]["cpu_s"] / bare[-1]["spans"] * 1e6,
        "windows": windows,
        "bare": bare,
    }


def median(rows: list[dict[str, Any]], key: str) -> float:
    ordered = sorted(row[key] for row in rows)
    return ordered[len(ordered) // 2]


def show(result: dict[str, Any]) -> str:
    windows, bare = result["windows"], result["bare"]
    rss = [row["rss"] / MiB for row in windows]
    later = rss[len(rss) // 4 :]
    return "\n".join(
        [
            f"### Soak: {result['minutes']:g} minutes, collector killed {result['kills']} times",
            "",
            "| figure | value |",
            "| --- | --- |",
            f"| spans made | {result['made']} |",
            f"| created | {result['created']} |",
            f"| stored | {result['stored']} |",
            f"| dropped, counted | {result['dropped']} {result['reasons'] or ''} |",
            f"| created less stored less dropped | {result['unexplained']} |",
            f"| batches that came twice, stored once | {result['duplicates_refused']} |",
            f"| memory, MiB: first window, then lowest and highest | {rss[0]:.0f}, {min(later):.0f}, {max(later):.0f} |",
            f"| p99 of a request, ms, median of windows | {median(windows, 'p99_ms'):.2f} |",
            f"| the same without Traceo | {median(bare, 'p99_ms'):.2f} |",
            f"| p50 of a request, ms | {median(windows, 'p50_ms'):.2f} |",
            f"| the same without Traceo | {median(bare, 'p50_ms'):.2f} |",
            f"| process CPU a span, µs, less that of the loop | {result['cpu_us_per_span'] - result['cpu_us_per_span_bare']:.1f} |",
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--spans", type=int, default=5000, help="a second (default: %(default)s)")
    parser.add_argument(
        "--every", type=float, default=30, help="seconds between two kills (default: %(default)s)"
    )
    parser.add_argument(
        "--down", type=float, default=5, help="seconds that it stays down (default: %(default)s)"
    )
    parser.add_argument("--no-spool", action="store_true", help="keep everything in memory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write memory and p99 over time (SVG)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = soak(options, Path(folder))
    print(show(result))
    if options.json:
        about = {"python": platform.python_version(), "system": platform.platform()}
        options.json.write_text(json.dumps({"about": about, **result}, indent=1) + "\n")
    if options.plot:
        windows, bare = result["windows"], result["bare"]
        options.plot.write_text(
            plot.lines(
                [
                    (
                        "Memory of the process (MiB)",
                        {"traceo": [(w["at_s"], w["rss"] / MiB) for w in windows]},
                    ),
                    (
                        "p99 of the application's requests (ms)",
                        {
                            "traceo": [(w["at_s"], w["p99_ms"]) for w in windows],
                            "without": [(w["at_s"], w["p99_ms"]) for w in bare],
                        },
                    ),
                ]
            )
        )
    return 0 if result["unexplained"] == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
