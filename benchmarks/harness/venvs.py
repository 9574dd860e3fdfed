"""One virtual environment per peer, made on first use under `.cache/bench/` and kept."""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "bench"

# What each peer needs, pinned so that two runs compare the same thing. Traceo runs from this checkout.
REQUIREMENTS: dict[str, list[str]] = {
    "bare": ["starlette==1.10.0", "sqlalchemy==2.1.9", "greenlet==3.5.6", "psutil==7.2.2"],
    "opentelemetry": [
        "opentelemetry-sdk==1.45.1",
        "opentelemetry-exporter-otlp-proto-http==1.45.1",
        "opentelemetry-instrumentation-asgi==0.66b1",
        "opentelemetry-instrumentation-sqlalchemy==0.66b1",
        "sqlalchemy==2.1.9",
        "greenlet==3.5.6",
        "starlette==1.10.0",
    ],
    "ddtrace": ["ddtrace==4.16.0", "sqlalchemy==2.1.9", "greenlet==3.5.6", "starlette==1.10.0"],
    "logfire": ["logfire[asgi]==4.41.0", "starlette==1.10.0"],
    "sentry": ["sentry-sdk==2.75.0", "starlette==1.10.0"],
    "elastic": ["elastic-apm==6.26.2", "starlette==1.10.0"],
}


def python_of(peer: str) -> Path:
    """The interpreter that has `peer` installed; makes its environment when it is not there."""
    if peer.startswith("traceo"):
        return ROOT / ".venv" / "bin" / "python"
    wanted = REQUIREMENTS[peer]
    home = CACHE / peer
    stamp = home / "requirements.sha256"
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    python = home / "bin" / "python"
    if not (stamp.exists() and stamp.read_text() == digest):
        print(f"· making the environment of {peer}: {' '.join(wanted)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", *wanted], check=True, stderr=subprocess.DEVNULL
        )
        stamp.write_text(digest)
    return python
