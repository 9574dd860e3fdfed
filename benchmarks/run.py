"""Run benchmarks against peers and print tables.

    python benchmarks/run.py                     # every scenario
    python benchmarks/run.py app_thread asgi     # some
    python benchmarks/run.py --peers traceo,opentelemetry --rounds 7 --json out.json --plot out.svg

CPU time, medians over interleaved rounds. Nothing else should run on the machine meanwhile.
"""

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import runner, table

SCENARIOS = [
    "app_thread",
    "process_cost",
    "sampled_out",
    "encoder",
    "asgi",
    "instrumentation_sqlalchemy",
    "startup",
    "loss",
    "stages",
    "spool",
]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=f"some of: {', '.join(SCENARIOS)}")
    parser.add_argument("--peers", help="comma-separated; default: all that the scenario knows")
    parser.add_argument("--rounds", type=int, help="rounds per peer (default: the scenario's own)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a bar chart (SVG)")
    options = parser.parse_args()
    unknown = set(options.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")

    results = []
    for name in options.scenarios or SCENARIOS:
        scenario = importlib.import_module(name)
        peers = options.peers.split(",") if options.peers else scenario.PEERS
        peers = [peer for peer in peers if peer in scenario.PEERS]
        result = runner.run(scenario, peers=peers, rounds=options.rounds or scenario.ROUNDS)
        result["figure"] = scenario.FIGURE
        results.append(result)
        print(
            table.render(result, scenario.COLUMNS, against="opentelemetry", figure=scenario.FIGURE),
            flush=True,
        )

    if options.json:
        about = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "system": platform.platform(),
        }
        options.json.write_text(json.dumps({"about": about, "results": results}, indent=1) + "\n")
    if options.plot:
        from harness import plot

        options.plot.write_text(plot.bars(results, against="opentelemetry"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
