import json
import logging
import sys

from hypothesis import given
from hypothesis import strategies as st

from traceo.logs import JsonFormatter
from traceo.tracing import TracerProvider


def made(**fields) -> logging.LogRecord:
    return logging.makeLogRecord(
        {
            "name": "shop",
            "levelname": "INFO",
            "levelno": 20,
            "msg": "paid %s",
            "args": ("7",),
            "created": 1_700_000_000.123456,
            "pathname": "/app/shop.py",
            "lineno": 3,
            "funcName": "pay",
            "threadName": "MainThread",
            **fields,
        }
    )


def test_a_line_is_one_object_with_documented_fields():
    line = JsonFormatter().format(made(order=7, note="two\nlines"))
    assert "\n" not in line
    assert json.loads(line) == {
        "timestamp": "2023-11-14T22:13:20.123456Z",
        "level": "INFO",
        "logger": "shop",
        "message": "paid 7",
        "file": "/app/shop.py",
        "line": 3,
        "function": "pay",
        "thread": "MainThread",
        "attributes": {"order": 7, "note": "two\nlines"},
    }


def test_a_line_inside_a_span_carries_its_ids_in_hex():
    with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("work") as span:
        fields = json.loads(JsonFormatter().format(made()))
    ids = span.get_span_context()
    assert (fields["trace_id"], fields["span_id"]) == (f"{ids.trace_id:032x}", f"{ids.span_id:016x}")


def test_an_exception_is_an_object():
    try:
        {}["ada"]
    except KeyError:
        fields = json.loads(JsonFormatter().format(made(exc_info=sys.exc_info())))
    assert (fields["exception"]["type"], fields["exception"]["message"]) == ("KeyError", "'ada'")
    assert fields["exception"]["stacktrace"].endswith("KeyError: 'ada'\n")


def test_scrub_sees_the_whole_object_and_its_answer_is_written():
    formatter = JsonFormatter(scrub=lambda fields: {**fields, "message": "[EMAIL]", "attributes": None})
    fields = json.loads(formatter.format(made(msg="ada@example.com", args=None, password="x")))
    assert (fields["message"], fields["attributes"]) == ("[EMAIL]", None)


def test_a_scrub_that_fails_drops_all_that_came_from_the_application():
    def broken(fields):
        raise ValueError("ada@example.com")

    line = JsonFormatter(scrub=broken).format(made(msg="ada@example.com", args=None, mail="ada@example.com"))
    assert json.loads(line) == {
        "timestamp": "2023-11-14T22:13:20.123456Z",
        "level": "INFO",
        "logger": "shop",
        "message": "[dropped: ValueError while formatting]",
    }


@given(
    st.text(),
    st.dictionaries(st.text(min_size=1), st.one_of(st.floats(), st.integers(), st.text(), st.binary())),
)
def test_any_record_is_one_valid_line(message, extra):
    line = JsonFormatter().format(made(msg=message, args=None, extra=extra))
    assert "\n" not in line
    assert json.loads(line)["logger"] == "shop"
