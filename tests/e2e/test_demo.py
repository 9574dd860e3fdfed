"""The demo as a user runs it: real collector, real services, real traffic, and the check of every byte."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

FIGURES = {
    "requests": r"\d+ in \d+\.\d s, and \d+ before, to warm up",
    "spans": r"[\d,]+ created, [\d,]+ delivered, 0 dropped",
    "log records": r"[\d,]+ created, [\d,]+ delivered, 0 dropped",
    "metric points": r"[\d,]+ created, [\d,]+ delivered, 0 dropped",
    "bytes": r"[\d,]+ before, [\d,]+ after compression and sealing \(\d+%\), in \d+ batches",
    "sent to": r"sealed X_WING",
}


def demo(*options):
    return subprocess.run(
        [sys.executable, "-m", "traceo", "demo", "--once", "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"COLUMNS": "200", "PATH": "/usr/bin:/bin"},
    )


def table(output):
    """The rows of the figures, by name; a cell that was folded is one line again."""
    rows = {}
    name = ""
    for line in output.splitlines():
        if line.startswith("│"):
            left, right = (cell.strip() for cell in line.strip("│").split("│", 1))
            name = left or name
            rows[name] = f"{rows.get(name, '')} {right}".strip()
    return rows


def children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_no_planted_value_is_found():
    done = demo("--seconds", "3")
    assert re.search(r"^0 of \d{3,} planted values found$", done.stdout, re.MULTILINE), done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    rows = table(done.stdout)
    assert {name: bool(re.fullmatch(shape, rows[name])) for name, shape in FIGURES.items()} == dict.fromkeys(
        FIGURES, True
    ), rows
    assert re.search(r"\d+ values of (1[4-9]|2\d) kinds", done.stdout)
    assert re.fullmatch(r"\d+\.\d\d ms a request, \d+\.\d\d without Traceo: .*", rows["CPU of the services"])
    created, delivered = re.findall(r"\d[\d,]*", rows["spans"])[:2]
    assert created == delivered


def test_with_redaction_off_the_values_are_found():
    done = demo("--seconds", "2", "--no-redaction")
    match = re.search(r"^(\d+) of (\d+) planted values found, with redaction off$", done.stdout, re.MULTILINE)
    assert match, done.stdout
    found, planted = map(int, match.groups())
    assert found > 200
    assert found > 0.9 * planted
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_leaves_no_process_behind(number):
    child = subprocess.Popen(
        [sys.executable, "-m", "traceo", "demo", "--port", "0", "--seconds", "60"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while not (mine := children(child.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.send_signal(number)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 128 + number
    assert said == b""
    assert [pid for pid in mine if Path(f"/proc/{pid}").exists()] == []
