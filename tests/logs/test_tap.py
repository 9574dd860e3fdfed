"""What `traceo.init` makes of the logs of a real process: which are heard, once, and with what settings."""

import json
import logging
import subprocess
import sys
import textwrap

import pytest

from tests.contract.row import Planted

REST = 'endpoint="http://127.0.0.1:9", exit_timeout_s=0.1'
SAY = """
import logging, io
import structlog, loguru
from opentelemetry import _logs
logging.basicConfig(level="INFO", stream=io.StringIO())
logging.warning("stdlib")
structlog.configure(logger_factory=structlog.PrintLoggerFactory(io.StringIO()))
structlog.get_logger().warning("structlog")
structlog.wrap_logger(logging.getLogger("shop")).warning("structlog over stdlib")
loguru.logger.remove()
loguru.logger.warning("loguru")
_logs.get_logger("some.library").emit(body="api")
print(traceo.status().logs.created)
"""


def said(script: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PATH": "/usr/bin:/bin", **environ},
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("instrument", "count"),
    [
        ("auto", 5),
        ("-logging", 4),
        ("-structlog", 4),
        ("structlog", 2),
        ("loguru", 1),
        ("logging", 2),
        ("httpx", 0),
        ("off", 0),
    ],
)
def test_each_library_can_be_chosen_and_a_line_counts_once(instrument, count):
    assert said(f"import traceo\ntraceo.init(instrument={instrument!r}, {REST})\n{SAY}") == str(count)


def test_nothing_is_heard_when_logs_are_off():
    assert said(f'import traceo\ntraceo.init(logs_level="off", {REST})\n{SAY}') == "0"


def test_under_another_tracer_provider_logs_are_heard_all_the_same():
    script = f"""
    import traceo
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    trace.set_tracer_provider(TracerProvider())
    traceo.init({REST})
    """
    assert said(textwrap.dedent(script) + SAY) == "5"


def test_after_shutdown_every_method_is_the_librarys_own():
    script = f"""
    import logging, structlog, loguru
    from structlog._base import BoundLoggerBase
    from loguru._logger import Logger
    from opentelemetry._logs._internal import ProxyLogger
    def state():
        return (
            logging.Logger.callHandlers, BoundLoggerBase._process_event, BoundLoggerBase._proxy_to_logger,
            Logger._log, ProxyLogger.emit,
        )
    before = state()
    import traceo
    traceo.init({REST})
    changed = sum(new is not old for new, old in zip(state(), before))
    traceo.shutdown()
    print(changed, all(new is old for new, old in zip(state(), before)))
    """
    assert said(script) == "5 True"


def test_nothing_that_was_planted_leaves_in_a_log_line(capture):
    planted = Planted()
    logger = logging.getLogger("shop.planted")
    logger.setLevel("INFO")
    logger.info("mail %s, card %s", planted.email, planted.card, extra={"token": planted.secret})
    logger.info({"password": planted.unspoken, planted.email: 1})
    try:
        int(f"{planted.card} {planted.secret}")
    except ValueError:
        logger.exception("failed for %s", planted.email, stack_info=True)
    assert len(capture.logs) == 3
    sent = b"".join(capture.memory.payloads("logs"))
    assert not [needle for needle in planted.needles if needle.encode() in sent]


def test_a_child_does_not_tell_the_gaps_of_its_parent():
    script = f"""
    import json, logging, os, traceo
    traceo.init(logs_per_s=1, {REST})
    for _ in range(9):
        logging.warning("noisy")
    reader, writer = os.pipe()
    if not os.fork():
        traceo.shutdown()
        os.write(writer, json.dumps(traceo.status().logs.created).encode())
        os._exit(0)
    os.wait()
    print(json.dumps([json.loads(os.read(reader, 99)), dict(traceo.status().logs.dropped)]))
    """
    assert json.loads(said(script).splitlines()[-1]) == [0, {"rate_limited": 4}]
