"""OpenTelemetry's logs API as libraries use it, with and without a provider of the application's."""

import logging
import subprocess
import sys
import textwrap

import pytest
from opentelemetry import _logs
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggingHandler
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context


@pytest.fixture(autouse=True)
def _hooked(hooked):
    hooked("opentelemetry-logs")


def test_an_event_keeps_its_name_its_structure_and_its_scope(capture):
    logger = _logs.get_logger("some.library", "1.2")
    logger.emit(
        LogRecord(
            timestamp=1_700_000_000_000_000_000,
            severity_number=SeverityNumber.INFO2,
            body={"mail": "ada@example.com", "count": 2},
            attributes={"order": 7},
            event_name="order.paid",
        )
    )
    (line,) = capture.logs
    (record,) = capture._logs
    assert (line["body"], line["attributes"]["order"]) == ({"mail": "[EMAIL]", "count": 2}, 7)
    assert (record.event_name, record.severity, record.severity_text) == ("order.paid", 10, "INFO2")
    assert (record.scope.name, record.scope.version, record.time_ns) == (
        "some.library",
        "1.2",
        1_700_000_000 * 10**9,
    )
    assert "code.file.path" not in record.attributes


def test_an_event_belongs_to_the_current_span_or_to_the_one_it_names(capture):
    logger = _logs.get_logger("some.library")
    other = SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags(1))
    with capture.provider.get_tracer("t").start_as_current_span("pay") as span:
        logger.emit(body="here")
        logger.emit(body="there", context=set_span_in_context(NonRecordingSpan(other)))
    ids = span.get_span_context()
    assert capture.logs
    assert [(log.trace_id, log.span_id) for log in capture._logs] == [(ids.trace_id, ids.span_id), (7, 8)]


def test_an_exception_is_three_attributes(capture):
    try:
        {}["ada"]
    except KeyError as error:
        _logs.get_logger("some.library").emit(severity_number=SeverityNumber.ERROR, exception=error)
    attributes = capture.logs[0]["attributes"]
    assert (attributes["exception.type"], attributes["exception.message"]) == ("KeyError", "'ada'")


def test_what_would_not_be_heard_is_not_enabled(capture):
    logger = _logs.get_logger("some.library")
    assert logger.enabled(severity_number=SeverityNumber.DEBUG)
    assert not logger.enabled(severity_number=SeverityNumber.TRACE)
    logger.emit(severity_number=SeverityNumber.TRACE, body="below")
    logger.emit(body="of no level")
    assert [line["body"] for line in capture.logs] == ["of no level"]


def test_a_handler_of_opentelemetrys_does_not_send_a_line_twice(capture):
    logger = logging.getLogger("shop.twice")
    logger.setLevel("INFO")
    with pytest.warns(DeprecationWarning, match="LoggingHandler"):
        logger.handlers[:] = [LoggingHandler()]
    logger.info("paid %s", 7)
    assert [(line["body"], line["scope"]) for line in capture.logs] == [("paid 7", "shop.twice")]
    logger.handlers.clear()


def test_a_provider_of_the_applications_own_has_its_lines_also_when_it_comes_later():
    script = """
    import traceo

    traceo.init(endpoint="http://127.0.0.1:9", exit_timeout_s=0.1)
    from opentelemetry import _logs
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
    logger = _logs.get_logger("some.library")
    logger.emit(body="ours")
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    _logs.set_logger_provider(provider)
    logger.emit(body="theirs")
    print([log.log_record.body for log in exporter.get_finished_logs()], traceo.status().logs.created)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "['theirs'] 1\n"
    assert "Overriding" not in done.stderr
