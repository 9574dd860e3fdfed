"""The real loguru, with the application's sinks, without any, and handing lines to and from the stdlib."""

import logging
import sys
from collections.abc import Iterator

import pytest
from loguru import logger

from tests.logs.conftest import without_thread


@pytest.fixture(autouse=True)
def _hooked(hooked) -> Iterator[None]:
    hooked("loguru")
    logger.remove()
    yield
    logger.remove()
    logger.configure(extra={}, patcher=lambda _: None)


@pytest.fixture
def out() -> list[str]:
    lines: list[str] = []
    logger.add(lines.append, format="{name}:{function}:{line} {message} {extra}", level=0, catch=False)
    return lines


def test_a_line_keeps_its_fields_and_the_application_its_output(capture, out):
    logger.bind(order=7).warning("paid {} of {total}", 1, total=2)
    line = sys._getframe().f_lineno - 1
    (record,) = capture.logs
    here = "test_a_line_keeps_its_fields_and_the_application_its_output"
    assert without_thread(record) == {
        "severity": "WARNING",
        "body": "paid 1 of 2",
        "attributes": {
            "code.file.path": __file__,
            "code.line.number": line,
            "code.function.name": here,
            "order": 7,
            "total": 2,
        },
        "scope": __name__,
    }
    assert out == [f"{__name__}:{here}:{line} paid 1 of 2 {{'order': 7, 'total': 2}}\n"]


def test_a_line_inside_a_span_belongs_to_it(capture, out):
    with capture.provider.get_tracer("t").start_as_current_span("pay") as span:
        logger.info("in")
    ids = span.get_span_context()
    (record,) = capture.logs and capture._logs
    assert (record.trace_id, record.span_id) == (ids.trace_id, ids.span_id)


def test_removing_all_sinks_does_not_remove_us_and_ids_are_what_they_would_be(capture):
    first = logger.add(lambda _: None)
    logger.remove()
    logger.info("without a sink")
    second = logger.add(lambda _: None)
    logger.info("with one")
    assert [line["body"] for line in capture.logs] == ["without a sink", "with one"]
    assert second == first + 1


def test_without_a_sink_a_message_that_does_not_fit_is_as_silent_as_ever(capture):
    logger.info("{missing}")
    logger.info("{missing}", other=1)
    logger.add(lambda _: None)
    with pytest.raises(KeyError):
        logger.info("{missing}", other=1)
    assert [line["body"] for line in capture.logs] == ["{missing}"]


def test_the_levels_of_the_sinks_hold(capture):
    logger.add(lambda _: None, level="WARNING")
    logger.info("below")
    logger.success("below")
    logger.error("kept")
    logger.log(33, "a number")
    assert [(line["severity"], line["body"]) for line in capture.logs] == [
        ("ERROR", "kept"),
        ("Level 33", "a number"),
    ]
    with pytest.raises(ValueError, match="does not exist"):
        logger.log("NOPE", "x")


def test_disabled_modules_and_lazy_messages_stay_what_they_are(capture, out):
    logger.disable(__name__)
    logger.info("off")
    logger.enable(__name__)
    logger.remove()
    logger.add(out.append, level="INFO")
    logger.opt(lazy=True).debug("{}", lambda: pytest.fail("not to be asked for"))
    logger.opt(lazy=True).info("{}", lambda: "asked")
    assert [line["body"] for line in capture.logs] == ["asked"]


def test_depth_points_to_where_the_application_wants(capture, out):
    def say(text):
        logger.opt(depth=1).info(text)

    say("from here")
    line = sys._getframe().f_lineno - 1
    assert capture.logs[0]["attributes"]["code.line.number"] == line
    assert f":{line} from here" in out[0]


@pytest.mark.parametrize("how", ["exception", "opt", "catch"])
def test_an_exception_is_three_attributes(capture, out, how):
    def work():
        raise ValueError("no")

    if how == "catch":
        logger.catch(work)()
    else:
        try:
            work()
        except ValueError:
            logger.exception("failed") if how == "exception" else logger.opt(exception=True).error("failed")
    (record,) = capture.logs
    attributes = record["attributes"]
    assert record["severity"] == "ERROR"
    assert (attributes["exception.type"], attributes["exception.message"]) == ("ValueError", "no")
    assert attributes["exception.stacktrace"].endswith("ValueError: no\n")


def test_bound_contextual_and_patched_fields_are_as_the_sinks_see_them(capture, out):
    logger.configure(extra={"service": "shop"}, patcher=lambda record: record["extra"].update(card="****"))
    with logger.contextualize(tenant="blue"):
        logger.patch(lambda record: record.update(name="other")).info("x", card="4539578763621486")
    (record,) = capture.logs
    attributes = without_thread(record)["attributes"]
    assert {key: attributes[key] for key in attributes if not key.startswith("code.")} == {
        "service": "shop",
        "tenant": "blue",
        "card": "****",
    }
    assert record["scope"] == "other"


class InterceptHandler(logging.Handler):
    """As loguru's documentation has it."""

    def emit(self, record):
        try:
            level = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        frame, depth = sys._getframe(), 0
        while frame:
            is_logging = frame.f_code.co_filename == logging.__file__
            is_frozen = "importlib" in frame.f_code.co_filename and "_bootstrap" in frame.f_code.co_filename
            if depth > 0 and not (is_logging or is_frozen):
                break
            frame = frame.f_back
            depth += 1
        logger.opt(depth=depth, exception=record.exc_info).log(level, record.getMessage())


def test_from_the_stdlib_a_line_is_sent_once_and_shown_where_it_was_logged(capture, out):
    stdlib = logging.getLogger("shop.stdlib")
    stdlib.setLevel("INFO")
    stdlib.handlers[:] = [InterceptHandler()]
    stdlib.info("paid %s", 7, extra={"order": 1})
    line = sys._getframe().f_lineno - 1
    logger.info("of its own")
    assert [(log["body"], log["attributes"].get("order"), log["scope"]) for log in capture.logs] == [
        ("paid 7", 1, "shop.stdlib"),
        ("of its own", None, __name__),
    ]
    here = "test_from_the_stdlib_a_line_is_sent_once_and_shown_where_it_was_logged"
    assert out[0] == f"{__name__}:{here}:{line} paid 7 {{}}\n"


@pytest.mark.parametrize("enqueue", [False, True])
def test_to_the_stdlib_a_line_is_sent_once(capture, enqueue):
    seen: list[str] = []

    class Propagate(logging.Handler):
        def emit(self, record):
            seen.append(record.getMessage())
            logging.getLogger("shop.propagated").handle(record)

    logger.add(Propagate(), format="{level} {message}", enqueue=enqueue, catch=False)
    logger.bind(order=1).info("paid {}", 7)
    logging.getLogger("shop.propagated").warning("of its own")
    logger.complete()
    logger.remove()
    assert [text.strip() for text in seen] == ["INFO paid 7"]
    assert sorted((log["body"], log["attributes"].get("order", 0)) for log in capture.logs) == [
        ("of its own", 0),
        ("paid 7", 1),
    ]


def test_what_a_sink_logs_by_itself_is_sent(capture):
    def sink(message):
        if "paid" in message:
            logging.getLogger("shop.sink").warning("disk is full")

    logger.add(sink, catch=False)
    logger.info("paid")
    assert [log["body"] for log in capture.logs] == ["paid", "disk is full"]


@pytest.mark.parametrize("message", ["", "is", "ok", "full", "disk is full again"])
def test_what_only_resembles_the_line_is_not_taken_for_it(capture, message):
    logger.add(lambda _: logging.getLogger("shop.sink").warning("the disk is full, ok?"), catch=False)
    logger.info("{}", message)
    assert [log.get("body", "") for log in capture.logs] == [message, "the disk is full, ok?"]


@pytest.mark.parametrize(
    ("message", "shape"),
    [
        ("ok", "{message}"),
        ("paid", "{time} {level} - {message}"),
        ("paid in full, thanks", "{message} | {level}"),
    ],
)
def test_a_sink_that_is_a_function_may_hand_on_what_it_was_given(capture, message, shape):
    logger.add(lambda text: logging.getLogger("shop.sink").warning(str(text)), format=shape, catch=False)
    logger.info(message)
    assert [log["body"] for log in capture.logs] == [message]


def test_errors_of_sinks_and_patchers_are_the_applications(capture):
    def broken(_):
        raise OSError("disk")

    logger.add(broken, catch=False)
    with pytest.raises(OSError, match="disk"):
        logger.info("x")
    logger.remove()
    with pytest.raises(OSError, match="disk"):
        logger.add(lambda _: None) and logger.patch(broken).info("y")
