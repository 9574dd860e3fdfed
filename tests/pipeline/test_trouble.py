import logging

import pytest

from traceo.pipeline.health import Counts
from traceo.pipeline.trouble import Trouble, speak_on_stderr

REASON = "http://127.0.0.1:4318: nothing listens there"


@pytest.fixture
def lines(monkeypatch):
    """What the logger ``traceo`` says, in place of its handlers."""
    said = []

    class Listener(logging.Handler):
        def emit(self, record):
            said.append(record.getMessage())

    logger = logging.getLogger("traceo")
    monkeypatch.setattr(logger, "handlers", [Listener()])
    monkeypatch.setattr(logger, "propagate", False)
    return said


@pytest.fixture
def trouble(clock):
    counts = (Counts(created=9, waiting=7, dropped={"queue_full": 1}), Counts(created=1, waiting=1))
    return Trouble("http://127.0.0.1:4318", lambda: counts, "start a collector", clock)


def test_a_collector_that_restarts_is_no_news(trouble, clock, lines):
    for _ in range(9):
        trouble.failed(REASON)
        clock.now += 1
    trouble.worked()
    trouble.failed(REASON)
    assert lines == []


def test_lasting_trouble_is_one_line_and_then_one_a_minute(trouble, clock, lines):
    for _ in range(131):
        trouble.failed(REASON)
        clock.now += 1
    line = (
        f"{REASON}; 7 spans and 1 log line kept in memory, 1 span and 0 log lines dropped; start a collector"
    )
    assert [text.replace("1 span dropped", "1 span and 0 log lines dropped") for text in lines] == [line] * 3


def test_a_loss_is_said_at_once_but_not_each_time(trouble, lines):
    for _ in range(100):
        trouble.lost("http://127.0.0.1:4318: not allowed (401)")
    assert len(lines) == 1


def test_the_end_is_silent_when_nothing_is_lost(trouble, lines):
    trouble.ended(0)
    assert lines == []


def test_the_end_says_what_was_lost(trouble, lines):
    trouble.failed(REASON)
    trouble.ended(1)
    assert lines == [f"{REASON}; 1 span dropped at exit; start a collector"]


def test_our_lines_go_to_stderr_and_to_no_handler_of_the_application(capsys, monkeypatch):
    logger = logging.getLogger("traceo")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", True)
    heard = []

    class Root(logging.Handler):
        def emit(self, record):
            heard.append(record)

    root = Root()
    logging.getLogger().addHandler(root)
    try:
        speak_on_stderr()
        logger.warning("hello")
    finally:
        logging.getLogger().removeHandler(root)
    assert capsys.readouterr().err == "traceo: hello\n"
    assert heard == []
