"""`traceo.init()` where no collector is: the application behaves as if it were not there."""

import socket
import subprocess
import sys
import time

import pytest

APP = """
import logging, sys, urllib.parse
{start}
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")
log = logging.getLogger("app")
print("begin")
for number in range(300):
    log.info("line %d", number)
    log.debug("not shown")
try:
    raise ValueError("handled")
except ValueError:
    log.exception("caught")
print("root handlers", len(logging.getLogger().handlers), "level", logging.getLogger().level)
{end}
"""
ENDS = {
    "runs to its end": "print('end')",
    "exits with a code": "sys.exit(7)",
    "dies of an exception": "raise KeyError('app')",
}


@pytest.fixture
def dead_endpoint():
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def run(start, end, endpoint):
    return subprocess.run(
        [sys.executable, "-c", APP.format(start=start, end=ENDS[end])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
    )


@pytest.mark.parametrize("end", ENDS)
def test_output_and_exit_code_are_the_applications_own(end, dead_endpoint):
    bare = run("", end, dead_endpoint)
    traced = run("import traceo; traceo.init()", end, dead_endpoint)
    assert (traced.stdout, traced.returncode) == (bare.stdout, bare.returncode)
    *said, last = (line for line in traced.stderr.splitlines() if line not in bare.stderr.splitlines())
    assert said == []
    assert dead_endpoint in last
    assert last.startswith("traceo: ")


def test_an_endpoint_that_never_answers_does_not_keep_the_application():
    """The kernel accepts the connection, nobody ever reads from it: the hardest kind of absence."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        traced = run("import traceo; traceo.init(exit_timeout_s=1.0)", "exits with a code", endpoint)
        took_s = time.monotonic() - began
    bare = run("", "exits with a code", endpoint)
    assert (traced.stdout, traced.returncode) == (bare.stdout, 7)
    [line] = traced.stderr.splitlines()
    assert endpoint in line
    assert took_s < 10  # the default timeout of a delivery: had it been waited for, this would be more
