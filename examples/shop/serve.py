"""Run one of the three services, and leave its figures behind: what ``traceo demo`` starts.

    python examples/shop/serve.py shop --port 8001 --figures shop.jsonl

Uvicorn as usual, or a Celery worker for the mailer. On SIGUSR1, which is heard from the line ``ready`` on,
and once more at the end, a line of JSON is appended to the file that ``--figures`` names: CPU seconds of the
process so far, and ``traceo.status()``.
"""

import argparse
import contextlib
import dataclasses
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("service", choices=["shop", "payments", "mailer"])
    parser.add_argument("--port", type=int, default=8000, help="of shop and payments")
    parser.add_argument("--figures", type=Path, required=True)
    arguments = parser.parse_args()
    os.environ.setdefault("OTEL_SERVICE_NAME", arguments.service)
    sys.path.insert(0, str(Path(__file__).parent))

    # The service first: it switches Traceo on before anything else is imported.
    app = importlib.import_module(f"{arguments.service}.app").app
    import traceo  # noqa: PLC0415

    if arguments.service == "mailer":
        work(app, lambda: be_ready(arguments.figures, traceo))
    else:
        be_ready(arguments.figures, traceo)
        serve(app, arguments.port)
    traceo.flush(10.0)
    note(arguments.figures, traceo, "end")


def serve(app, port):
    import uvicorn  # noqa: PLC0415

    # Uvicorn shuts down and then raises the signal again for whoever was there before it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def work(app, when_ready):
    from celery import signals  # noqa: PLC0415

    signals.worker_ready.connect(lambda **_: when_ready(), weak=False)
    lean = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with contextlib.suppress(SystemExit):
        app.worker_main(["worker", "--pool=solo", "--loglevel=INFO", *lean])


def be_ready(figures, traceo):
    signal.signal(signal.SIGUSR1, lambda *_: note(figures, traceo, "asked"))
    note(figures, traceo, "ready")


def note(path, traceo, when):
    line = {"when": when, "cpu_s": time.process_time(), "status": traceo.status()}
    with path.open("a") as figures:
        figures.write(json.dumps(line, default=plain) + "\n")


def plain(value):
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value)
    if hasattr(value, "__struct_fields__"):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    return str(value)


if __name__ == "__main__":
    main()
