import logging
from decimal import Decimal

import pytest

from traceo.pipeline.health import Counts
from traceo.pipeline.trouble import Trouble, speak_on_stderr
from traceo.tracing.attributes import clean_into

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


def test_what_a_rate_limit_left_out_is_no_loss_of_delivery(clock, lines):
    counts = (Counts(), Counts(created=12, dropped={"rate_limited": 9, "queue_full": 3}))
    Trouble("http://127.0.0.1:4318", lambda: counts, "start a collector", clock).ended(3)
    assert lines == [
        "http://127.0.0.1:4318: not delivered in time; 3 log lines dropped at exit; start a collector"
    ]


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
        f"{REASON}; 7 spans and 1 log line kept in memory until the process ends, 1 span dropped; "
        "start a collector"
    )
    assert lines == [line] * 3


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


def test_the_end_does_not_repeat_what_was_said_within_the_minute(trouble, clock, lines):
    for _ in range(12):
        trouble.failed(REASON)
        clock.now += 1
    trouble.ended(7)
    assert len(lines) == 1
    clock.now += 60
    trouble.ended(7)
    assert lines[1:] == [f"{REASON}; 1 span dropped at exit; start a collector"]


def test_what_is_on_disk_is_told_from_what_is_in_memory(clock, lines):
    counts = (Counts(created=9, waiting=2, spooled=7), Counts())
    Trouble("http://127.0.0.1:4318", lambda: counts, "start a collector", clock).lost(REASON)
    said = "7 spans kept on disk, 2 spans kept in memory until the process ends, 0 spans dropped"
    assert lines == [f"{REASON}; {said}; start a collector"]


def test_a_note_is_made_once(trouble, lines):
    for _ in range(3):
        trouble.note("the spool cannot be written")
    assert lines == ["the spool cannot be written"]


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


def test_a_mistake_that_the_application_makes_with_each_request_is_told_once_a_minute(
    clock, capsys, monkeypatch
):
    logger = logging.getLogger("traceo")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", True)
    speak_on_stderr(clock)
    for _ in range(1000):
        clean_into({}, {"price": Decimal(1)}, None, None)
    first = capsys.readouterr().err
    clock.now += 60
    clean_into({}, {"price": Decimal(1)}, None, None)
    again = capsys.readouterr().err
    assert first.count("\n") == 1
    assert again == first


def test_lines_that_are_all_different_are_no_flood_either(clock, capsys, monkeypatch):
    logger = logging.getLogger("traceo")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", True)
    speak_on_stderr(clock)
    for number in range(1000):
        logger.warning("line %d", number)
    assert capsys.readouterr().err.splitlines() == [f"traceo: line {number}" for number in range(50)]
