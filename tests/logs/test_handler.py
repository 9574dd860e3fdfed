import logging
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider

from traceo.logs import Handler
from traceo.logs.record import severity_of
from traceo.records import ResourceRecord
from traceo.tracing import TracerProvider

RESOURCE = ResourceRecord({"service.name": "shop"})


@pytest.fixture
def kept() -> list:
    return []


@pytest.fixture
def handler(kept) -> Handler:
    return Handler(kept.append, RESOURCE, "DEBUG")


@pytest.fixture
def log(handler, request):
    # outside the tree of loggers: pytest's own handlers stay out
    logger = logging.Logger(f"shop.{request.node.name}", 1)  # noqa: LOG001
    logger.addHandler(handler)
    return logger


def test_a_line_becomes_a_record_with_where_it_was_logged(log, kept):
    log.warning("paid %s of %d", "7", 9)
    line = sys._getframe().f_lineno - 1
    (record,) = kept
    assert (record.body, record.severity, record.severity_text) == ("paid 7 of 9", 13, "WARNING")
    assert (record.resource, record.scope.name) == (RESOURCE, log.name)
    assert record.attributes == {
        "code.file.path": __file__,
        "code.line.number": line,
        "code.function.name": "test_a_line_becomes_a_record_with_where_it_was_logged",
        "thread.id": threading.get_ident(),
        "thread.name": threading.current_thread().name,
    }
    assert (record.trace_id, record.span_id, record.flags) == (0, 0, 0)
    assert 0 < record.time_ns <= record.observed_ns


@pytest.mark.parametrize("provider", [SdkTracerProvider, TracerProvider])
def test_a_line_inside_a_span_carries_its_ids(log, kept, provider):
    tracer = provider(shutdown_on_exit=False).get_tracer("test")
    with tracer.start_as_current_span("work") as span:
        log.info("in")
    ids = span.get_span_context()
    assert (kept[0].trace_id, kept[0].span_id, kept[0].flags & 1) == (ids.trace_id, ids.span_id, 1)


def test_an_exception_is_three_attributes(log, kept):
    try:
        {}["ada"]
    except KeyError:
        log.exception("failed")
    attributes = kept[0].attributes
    assert (attributes["exception.type"], attributes["exception.message"]) == ("KeyError", "'ada'")
    assert attributes["exception.stacktrace"].startswith("Traceback (most recent call last):\n")
    assert attributes["exception.stacktrace"].endswith("KeyError: 'ada'\n")


def test_extras_are_attributes_and_what_otlp_cannot_hold_becomes_bounded_text(log, kept):
    class Hostile:
        def __str__(self):
            raise RuntimeError

    class Endless:
        def __str__(self):
            return "word " * 100_000

    loop: list = []
    loop.append(loop)
    log.info(
        "x",
        extra={
            "user": {"mail": "ada@example.com", 7: (1, 2.5, None, True, b"b")},
            "hostile": Hostile(),
            "endless": Endless(),
            "loop": loop,
            "many": list(range(1000)),
        },
    )
    attributes = kept[0].attributes
    assert attributes["user"] == {"mail": "ada@example.com", "7": [1, 2.5, None, True, b"b"]}
    assert attributes["hostile"] == "[unprintable Hostile]"
    assert len(attributes["endless"]) <= 32 * 1024 + 10
    assert attributes["loop"] == [[[[[["[too deep]"]]]]]]
    assert len(attributes["many"]) == 128


def test_the_word_that_a_cut_falls_into_goes_with_it(log, kept):
    mail = "ada.lovelace@example.com"
    log.info("%s %s", "x" * (32 * 1024 - 12), mail)
    assert "ada" not in kept[0].body
    log.info("y" * (64 * 1024))
    assert len(kept[1].body) < 32 * 1024


def test_a_message_whose_arguments_do_not_fit_leaves_the_template_and_does_not_raise(log, kept, capsys):
    class Hostile:
        def __str__(self):
            raise RuntimeError

    template = "%d of %d"
    log.info(template, "one")
    log.info("got %s", Hostile())
    log.info(Hostile())
    assert [record.body for record in kept] == ["%d of %d", "got %s", "[unprintable Hostile]"]
    assert capsys.readouterr().err == ""


def test_a_mapping_logged_as_the_message_stays_one(log, kept):
    log.info({"event": "paid", "password": "x"})
    assert kept[0].body == {"event": "paid", "password": "x"}


def test_levels_and_filters_hold(kept, log, handler):
    handler.setLevel(logging.ERROR)
    log.warning("below")
    handler.addFilter(lambda record: "secret" not in record.getMessage())
    log.error("a secret")
    log.error("kept")
    assert [record.body for record in kept] == ["kept"]


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (0, 0),
        (-5, 0),
        (1, 1),
        (5, 2),
        (9, 4),
        (10, 5),
        (13, 8),
        (19, 8),
        (20, 9),
        (25, 12),
        (30, 13),
        (40, 17),
        (50, 21),
        (55, 24),
        (1000, 24),
    ],
)
def test_severity_follows_the_otlp_ranges(level, severity):
    assert severity_of(level) == severity


def test_what_is_logged_while_logging_is_kept_once_over(log, kept):
    class Chatty:
        def __str__(self):
            log.error("from __str__")
            return "chatty"

    log.info("%s", Chatty())
    assert [record.body for record in kept] == ["from __str__", "chatty"]


@pytest.mark.parametrize(
    ("template", "kept_of_it"),
    [
        (
            "Received unregistered task of type %s.\n\nThe full contents of the message body was:\n%s\n",
            "Received unregistered task of type 'shop.ship'. …",
        ),
        ("Can't decode message body: %r [type:%r]\n\nbody: x", "Can't decode message …"),
    ],
)
def test_of_a_message_that_celery_cannot_take_the_arguments_stay_out(handler, kept, template, kept_of_it):
    record = logging.LogRecord(
        "celery.worker.consumer.consumer",
        logging.ERROR,
        "c.py",
        1,
        template,
        ("'shop.ship'", "Hunter2"),
        None,
    )
    assert handler.handle(record)
    assert [record.body for record in kept] == [kept_of_it]
    assert "Hunter2" in record.getMessage()


def test_the_arguments_that_celerys_pool_is_given_stay_out(handler, kept):
    template = "TaskPool: Apply %s (args:%s kwargs:%s)"
    args = ("trace", "('Hunter2',)", "{}")
    record = logging.LogRecord("celery.pool", logging.INFO, "base.py", 1, template, args, None)
    assert handler.handle(record)
    assert [record.body for record in kept] == ["TaskPool: Apply trace …"]


def test_what_a_worker_of_celery_says_of_a_message_it_cannot_take_has_no_argument(handler, kept):
    celery = pytest.importorskip("celery")
    app = celery.Celery("shop", broker="memory://", set_as_current=False)
    logger = logging.getLogger("celery.worker.consumer.consumer")
    logger.addHandler(handler)
    try:
        consumer = app.WorkController(pool="solo", app=app).consumer
        with app.connection_for_read() as connection:
            queue = connection.SimpleQueue("celery")
            for reject in (
                lambda message: consumer.on_unknown_task(message.body, message, KeyError("shop.nosuch")),
                lambda message: consumer.on_unknown_message(message.body, message),
                lambda message: consumer.on_decode_error(message, ValueError("no JSON")),
            ):
                app.send_task("shop.nosuch", ("Hunter2walrus9",), {"k": "Hunter2walrus9"})
                reject(queue.get(timeout=5))
    finally:
        logger.removeHandler(handler)
    assert len(kept) == 3
    assert "Hunter2" not in repr([(record.body, record.attributes) for record in kept])


def test_a_line_that_causes_itself_ends_and_is_counted(log, handler, kept):
    class Endless:
        def __str__(self):
            log.error("%s", self)
            return "endless"

    log.info("%s", Endless())
    assert [record.body for record in kept] == ["endless", "endless"]
    assert handler.failures == 1


def test_our_own_loggers_are_not_kept(handler, kept):
    for name in ("traceo", "traceo.pipeline"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        try:
            logger.error("about us")
        finally:
            logger.removeHandler(handler)
    logger = logging.getLogger("traceometer")
    logger.addHandler(handler)
    logger.error("somebody else")
    logger.removeHandler(handler)
    assert [record.body for record in kept] == ["somebody else"]


def test_a_sink_that_fails_is_counted_and_the_app_hears_nothing(log, handler, capsys):
    def broken(record):
        raise OSError("disk")

    handler._sink = broken
    log.error("x")
    log.error("y")
    assert (handler.failures, capsys.readouterr().err) == (2, "")


def test_another_threads_line_is_kept_while_one_is_inside_the_handler(log, handler):
    kept, inside, go_on = [], threading.Event(), threading.Event()

    def sink(record):
        kept.append(record.body)
        if record.body == "first":
            inside.set()
            go_on.wait(5)

    handler._sink = sink
    thread = threading.Thread(target=log.info, args=("first",))
    thread.start()
    assert inside.wait(5)
    log.info("second")
    assert kept == ["first", "second"]
    go_on.set()
    thread.join()


def test_logger_names_made_at_run_time_do_not_fill_the_memory(handler, kept):
    for n in range(1100):
        handler.handle(logging.makeLogRecord({"name": f"tenant-{n}", "msg": "x"}))
    assert len(handler._scopes) == 1024
    assert kept[-1].scope.name == ""


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=20),
        st.binary(max_size=20),
        st.complex_numbers(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(max_size=5), st.integers()), inner, max_size=4),
    ),
    max_leaves=10,
)


@given(values, values)
def test_any_message_and_extra_are_kept_without_an_error(message, extra):
    kept = []
    handler = Handler(kept.append, RESOURCE)
    handler.handle(logging.makeLogRecord({"msg": message, "args": (extra,), "extra_value": extra}))
    assert (len(kept), handler.failures) == (1, 0)
