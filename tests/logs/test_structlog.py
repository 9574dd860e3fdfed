"""The real structlog, in the ways it is set up: on its own, over the stdlib, with the stdlib's formatter."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from tests.logs.conftest import without_thread

DEFAULTS = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
]


@pytest.fixture(autouse=True)
def _hooked(hooked) -> Iterator[None]:
    hooked("structlog")
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def on_its_own(*processors, **settings) -> tuple[structlog.BoundLogger, io.StringIO]:
    out = io.StringIO()
    structlog.configure(
        processors=[*DEFAULTS, *(processors or [structlog.processors.JSONRenderer()])],
        logger_factory=structlog.PrintLoggerFactory(out),
        **settings,
    )
    return structlog.get_logger(), out


def refuse() -> None:
    raise ValueError("no")


class Places(logging.Handler):
    """What the application's own handlers are told about where a line comes from."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, int]] = []

    def emit(self, record) -> None:
        self.seen.append((record.pathname, record.lineno))


def over_logging(*last) -> tuple[structlog.BoundLogger, io.StringIO]:
    """Its own logger and handler: pytest's stay out of it."""
    out = io.StringIO()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *DEFAULTS,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *last,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    logger = logging.getLogger("shop.pay")
    logger.setLevel("INFO")
    logger.handlers[:] = [logging.StreamHandler(out), Places()]
    return structlog.get_logger("shop.pay"), out


def test_an_event_keeps_its_structure_and_the_application_its_output(capture):
    log, out = on_its_own()
    log.bind(order=7).warning("paid", items=["a", "b"], mail="ada@example.com")
    line = sys._getframe().f_lineno - 1
    (record,) = capture.logs
    redacted = record["attributes"].pop("traceo.redacted")
    assert without_thread(record) == {
        "severity": "WARNING",
        "body": "paid",
        "attributes": {
            "code.file.path": __file__,
            "code.line.number": line,
            "code.function.name": "test_an_event_keeps_its_structure_and_the_application_its_output",
            "order": 7,
            "items": ["a", "b"],
            "mail": "[EMAIL]",
        },
        "scope": __name__,
    }
    assert redacted == ("attributes.mail=key:mail",)
    shown = json.loads(out.getvalue())
    del shown["timestamp"]
    assert shown == {
        "order": 7,
        "items": ["a", "b"],
        "mail": "ada@example.com",
        "event": "paid",
        "level": "warning",
    }


def test_a_line_inside_a_span_belongs_to_it(capture):
    log, _ = on_its_own()
    with capture.provider.get_tracer("t").start_as_current_span("pay") as span:
        log.info("in")
    ids = span.get_span_context()
    (record,) = capture.logs and capture._logs
    assert (record.trace_id, record.span_id) == (ids.trace_id, ids.span_id)


def test_what_the_application_sets_itself_is_kept_and_what_processors_add_is_not_repeated(capture):
    log, _ = on_its_own()
    structlog.contextvars.bind_contextvars(tenant="blue")
    log.info("x", stack="mine", logger="mine too")
    attributes = without_thread(capture.logs[0])["attributes"]
    assert {key: attributes[key] for key in attributes if not key.startswith("code.")} == {
        "tenant": "blue",
        "stack": "mine",
        "logger": "mine too",
    }


@pytest.mark.parametrize("how", ["exception", "exc_info", "object", "rendered before"])
def test_an_exception_is_three_attributes(capture, how):
    first = [structlog.processors.format_exc_info] if how == "rendered before" else []
    log, _ = on_its_own(*first, structlog.processors.JSONRenderer(default=repr))
    try:
        refuse()
    except ValueError as error:
        if how == "object":
            log.warning("failed", exc_info=error)
        elif how == "exc_info":
            log.warning("failed", exc_info=sys.exc_info())
        else:
            log.exception("failed")
    (record,) = capture.logs
    attributes = record["attributes"]
    assert record["severity"] == ("WARNING" if how in {"object", "exc_info"} else "ERROR")
    assert record["body"] == "failed"
    assert (attributes["exception.type"], attributes["exception.message"]) == ("ValueError", "no")
    assert attributes["exception.stacktrace"].endswith("ValueError: no\n")
    assert not {"exc_info", "exception"} & set(attributes)


def test_a_renamed_event_is_still_the_body_and_a_masked_one_is_taken_as_masked(capture):
    log, _ = on_its_own(structlog.processors.EventRenamer("msg"), structlog.processors.JSONRenderer())
    log.info("renamed")

    def mask(_, __, event_dict):
        return {**event_dict, "event": "masked", "token": "***"}

    log, _ = on_its_own(mask, structlog.processors.JSONRenderer())
    log.info("secret", token="t0k3n")
    assert [line["body"] for line in capture.logs] == ["renamed", "masked"]
    assert "t0k3n" not in str(capture.logs)


def test_what_the_application_drops_or_cannot_render_is_not_sent(capture):
    def drop(_, __, event_dict):
        if event_dict["event"] == "drop":
            raise structlog.DropEvent
        return event_dict

    log, out = on_its_own(drop, structlog.processors.JSONRenderer(default=None))
    log.info("drop")
    with pytest.raises(TypeError):
        log.info("cannot", value=object())
    log.info("kept")
    assert [line["body"] for line in capture.logs] == ["kept"]
    assert len(out.getvalue().splitlines()) == 1
    with capture_logs() as captured:
        log.info("of a test")
    assert (len(capture.logs), [entry["event"] for entry in captured]) == (1, ["of a test"])


@pytest.mark.parametrize(
    "last",
    [
        [structlog.processors.JSONRenderer()],
        [structlog.stdlib.render_to_log_kwargs],
        [structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    ],
    ids=["json", "kwargs", "formatter"],
)
def test_over_logging_a_line_is_sent_once_with_its_structure(capture, last):
    log, out = over_logging(*last)
    log.info("paid %s", "all", order=7)
    line = sys._getframe().f_lineno - 1
    log.debug("below the logger's level", order=8)
    (record,) = capture.logs
    assert without_thread(record) == {
        "severity": "INFO",
        "body": "paid all",
        "attributes": {
            "code.file.path": __file__,
            "code.line.number": line,
            "code.function.name": "test_over_logging_a_line_is_sent_once_with_its_structure",
            "order": 7,
        },
        "scope": "shop.pay",
    }
    assert len(out.getvalue().splitlines()) == 1
    assert logging.getLogger("shop.pay").handlers[1].seen == [(__file__, line)]


def test_over_logging_a_level_that_is_off_costs_no_line_though_structlog_does_not_look(capture):
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.stdlib.LoggerFactory()
    )
    logging.getLogger("shop.quiet").setLevel("ERROR")
    structlog.get_logger("shop.quiet").info("off")
    assert capture.logs == []


def test_a_stdlib_line_beside_it_keeps_its_own_content(capture):
    log, _ = over_logging(structlog.processors.JSONRenderer())
    logging.getLogger("shop.pay").info("plain", extra={"order": 1})
    log.info("structured", order=2)
    logging.getLogger("shop.pay").info("plain again")
    assert [(line["body"], line["attributes"].get("order")) for line in capture.logs] == [
        ("plain", 1),
        ("structured", 2),
        ("plain again", None),
    ]


def test_an_asynchronous_call_is_placed_where_it_was_made(capture):
    log, _ = on_its_own()

    async def main():
        await log.ainfo("later", order=7)

    asyncio.run(main())
    (record,) = capture.logs
    assert record["attributes"]["code.function.name"] == "main"
    assert record["attributes"]["order"] == 7


def test_a_logger_class_of_the_applications_own(capture):
    class Mine(structlog.BoundLoggerBase):
        def note(self, event, **fields):
            args, kwargs = self._process_event("info", event, fields)
            return self._logger.msg(*args, **kwargs)

    log, out = on_its_own(wrapper_class=Mine)
    log.note("noted", order=7)
    assert [(line["body"], line["attributes"]["order"]) for line in capture.logs] == [("noted", 7)]
    assert json.loads(out.getvalue())["event"] == "noted"


def test_values_that_cannot_be_shown_neither_raise_nor_reach_the_application(capture):
    class Hostile:
        def __str__(self):
            raise RuntimeError

    log, _ = on_its_own(lambda *_: "rendered")
    log.info(Hostile(), value=Hostile())
    (record,) = capture.logs
    assert (record["body"], record["attributes"]["value"]) == (
        "[unprintable Hostile]",
        "[unprintable Hostile]",
    )
