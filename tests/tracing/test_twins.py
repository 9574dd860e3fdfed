"""Compiled and plain modules: which one runs, and that a stale one never does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import traceo
from traceo import _compiled

ROOT = Path(traceo.__file__).parent.parent
REPORT = "import traceo.tracing, traceo.exporters.otlp; from traceo import _compiled; print(set(_compiled.status().values()))"


def report(path: Path, **environ) -> str:
    inherited = {key: value for key, value in os.environ.items() if key != "TRACEO_PURE"}
    done = subprocess.run(
        [sys.executable, "-c", REPORT],
        cwd=path,
        env={**inherited, "PYTHONPATH": str(path), **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def copied(tmp_path):
    """The sources and whatever twins there are, free to be changed."""
    for part in ("tracing", "exporters", "pipeline", "metrics", "_compiled"):
        shutil.copytree(
            ROOT / "traceo" / part, tmp_path / "traceo" / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("records.py", "records.pxd", "_version.py", "semconv.py"):
        shutil.copy(ROOT / "traceo" / name, tmp_path / "traceo" / name)
    (tmp_path / "traceo" / "__init__.py").write_text("")
    return tmp_path


built = pytest.mark.skipif(
    not list((ROOT / "traceo" / "_compiled").glob(f"*_{_compiled.fingerprint()}.*")),
    reason="no fresh twins are built",
)


def test_plain_python_runs_when_asked_for(copied):
    assert report(copied, TRACEO_PURE="1") == "{'pure'}"


@built
def test_fresh_twins_run(copied):
    assert report(copied) == "{'compiled'}"


@built
@pytest.mark.parametrize("edited", ["tracing/span.py", "tracing/site.pxd", "exporters/otlp.pyx"])
def test_after_an_edit_of_any_source_no_twin_runs(copied, edited):
    path = copied / "traceo" / edited
    path.write_text(path.read_text() + "\n# edited\n")
    assert report(copied) == "{'not built'}"


@built
def test_a_twin_that_does_not_load_is_passed_over(copied):
    for path in (copied / "traceo" / "_compiled").glob("span_*.so"):
        path.write_bytes(b"not a library")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import traceo.tracing as t; s = t.TracerProvider(shutdown_on_exit=False).get_tracer('t').start_span('x'); s.end(); print(t.snapshot(s).name)",
        ],
        cwd=copied,
        env={key: value for key, value in os.environ.items() if key != "TRACEO_PURE"}
        | {"PYTHONPATH": str(copied)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "x\n"


def test_classes_have_the_same_names_and_attributes_in_both():
    code = """
from traceo.tracing import Span, Tracer, TracerProvider, DroppedSpan
from traceo.records import SpanRecord
import pickle
for cls in (Span, Tracer, DroppedSpan, SpanRecord):
    print(cls.__module__, cls.__qualname__, sorted(n for n in dir(cls) if not n.startswith("_")))
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "TRACEO_PURE": pure},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for pure in ("", "1")
    }
    assert len(outputs) == 1
