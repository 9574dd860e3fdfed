"""Other versions of packages, each in a folder of its own under ``.cache/beside`` to put in front of the path.

``python tests/beside.py`` installs what is missing (scripts/setup does), as `beside` does for a test that comes
first. ``--no-deps``: one package at a time is another version, the others stay.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["FOLDERS", "beside"]

FOLDERS = {
    "sqlalchemy-2.0": ("sqlalchemy==2.0.44",),
    "opentelemetry-api-lowest": ("opentelemetry-api==1.36.0", "importlib-metadata==8.7.0", "zipp==3.23.0"),
    "opentelemetry-api-newest": ("opentelemetry-api==1.45.2",),
    "opentelemetry-sdk-lowest": ("opentelemetry-sdk==1.36.0",),
    "opentelemetry-sdk-newest": ("opentelemetry-sdk==1.45.2",),
    "opentelemetry-semantic-conventions-lowest": ("opentelemetry-semantic-conventions==0.57b0",),
    "opentelemetry-semantic-conventions-newest": ("opentelemetry-semantic-conventions==0.66b2",),
    "opentelemetry-instrumentation-lowest": ("opentelemetry-instrumentation==0.57b0",),
    "opentelemetry-instrumentation-newest": ("opentelemetry-instrumentation==0.66b2",),
    "opentelemetry-proto-lowest": ("opentelemetry-proto==1.36.0",),
    "opentelemetry-proto-newest": ("opentelemetry-proto==1.45.2",),
}
_CACHE = Path(__file__).resolve().parents[1] / ".cache" / "beside"


def beside(name: str) -> Path:
    """The folder of this name, made if it is not there yet or was made from other versions."""
    folder, wanted = _CACHE / name, "\n".join(FOLDERS[name])
    stamp = folder / ".made-from"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test process may be making it
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
            quiet = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
            done = subprocess.run(
                [*command, *FOLDERS[name]], env=quiet, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            stamp.write_text(wanted)
    return folder


if __name__ == "__main__":
    for each in FOLDERS:
        beside(each)
