import os
import subprocess
import sys
from pathlib import Path

import sqlalchemy

from tests.beside import beside

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
import pytest
import sqlalchemy
assert sqlalchemy.__version__.startswith("2.0."), sqlalchemy.__version__
names = ["sqlalchemy", "sqlite3"]
files = [f"tests/instrumentation/test_{name}.py" for name in names]
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "sqlalchemy", *files]))
"""


def test_everything_that_holds_of_2_1_holds_of_2_0():
    assert sqlalchemy.__version__.startswith("2.1.")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(beside("sqlalchemy-2.0"))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
