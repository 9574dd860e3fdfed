import shutil
import subprocess
import sys
from pathlib import Path

import traceo

ROOT = Path(traceo.__file__).resolve().parents[1]


def _bench(*words, cwd=ROOT, path=None):
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(path or ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "traceo", "bench", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_unknown_scenario_is_named_with_the_ones_that_exist():
    done = _bench("app_thred")
    assert done.returncode == 2
    assert "no scenario app_thred; there are app_thread, " in done.stderr


def test_outside_a_checkout_it_says_where_the_benchmarks_are(tmp_path):
    shutil.copytree(ROOT / "traceo", tmp_path / "traceo", ignore=shutil.ignore_patterns("web", "__pycache__"))
    done = _bench(cwd=tmp_path, path=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "run it from a checkout" in done.stderr
