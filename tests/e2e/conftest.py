"""A real browser in front of a real collector."""

import contextlib
import http.client
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DEADLINE_S = 30.0


@contextlib.contextmanager
def _running(folder):
    """A collector process on a free port; yields its address."""
    output = folder / "collector.log"
    traceo = Path(sys.executable).with_name("traceo")
    command = [traceo, "collector", "--port", "0", "--data", folder / "data"]
    with output.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            yield _address(process, output)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE_S)


def _address(process, output):
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        ready = re.search(r"http://127\.0\.0\.1:\d+", output.read_text())
        if ready:
            return ready[0]
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError(f"the collector did not start:\n{output.read_text()}")


@pytest.fixture(scope="session")
def running_collector():
    """Runs a collector over a folder for the length of a ``with`` block."""
    return _running


def _send(origin, path, message):
    connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=DEADLINE_S)
    with contextlib.closing(connection):
        connection.request(
            "POST", path, message.SerializeToString(), {"Content-Type": "application/x-protobuf"}
        )
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")


@pytest.fixture(scope="session")
def send():
    """Sends a protobuf message to a path of an address; all of it is accepted."""
    return _send


@pytest.fixture(scope="module")
def browser():
    assert Path(CHROMIUM).is_file(), "install Debian's chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A page that must neither complain nor ask another origin for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    complaints, asked = [], set()
    page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.add(re.sub(r"(://[^/]+).*", r"\1", request.url)))
    yield page
    context.close()
    assert complaints == []
    assert len(asked) == 1
    assert asked.pop().startswith("http://127.0.0.1:")
