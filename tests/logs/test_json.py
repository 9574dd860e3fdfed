import json
import logging
import logging.config
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace

from traceo.logs import JsonFormatter, scrubbing
from traceo.redaction import Policy
from traceo.tracing import TracerProvider

MAIL, CARD = "ada@example.com", "4539578763621486"


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


def line(formatter=None, **fields) -> dict:
    text = (formatter or JsonFormatter()).format(made(**fields))
    assert "\n" not in text
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_a_line_is_one_flat_object_with_documented_fields():
    shown = line(JsonFormatter(service_name="shop"), order=7, note="two\nlines", items=[1, {"a": None}])
    assert list(shown) == [
        *("timestamp", "level", "message", "logger"),
        *("code.file.path", "code.line.number", "code.function.name", "thread.name", "service.name"),
        *("order", "note", "items"),
    ]
    assert shown == {
        "timestamp": "2023-11-14T22:13:20.123456000Z",
        "level": "INFO",
        "message": "paid 7",
        "logger": "shop",
        "code.file.path": "/app/shop.py",
        "code.line.number": 3,
        "code.function.name": "pay",
        "thread.name": "MainThread",
        "service.name": "shop",
        "order": 7,
        "note": "two\nlines",
        "items": [1, {"a": None}],
    }


def test_a_line_inside_a_span_carries_its_ids_in_hex():
    with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("work") as span:
        shown = line()
    ids = span.get_span_context()
    assert (shown["trace_id"], shown["span_id"]) == (f"{ids.trace_id:032x}", f"{ids.span_id:016x}")


def test_the_service_is_that_of_the_tracer_provider(capture):
    assert trace.get_tracer_provider() is capture.provider
    assert line()["service.name"] == capture.provider.resource.attributes["service.name"]


def test_an_exception_is_three_flat_fields():
    try:
        {}["ada"]
    except KeyError:
        shown = line(exc_info=sys.exc_info())
    assert (shown["exception.type"], shown["exception.message"]) == ("KeyError", "'ada'")
    assert shown["exception.stacktrace"].endswith("KeyError: 'ada'\n")


def test_what_is_printed_is_redacted_like_telemetry():
    def refuse():
        raise ValueError(f"no account for {MAIL}")

    try:
        refuse()
    except ValueError:
        text = JsonFormatter().format(
            made(
                name=MAIL,
                msg="card %s of %s",
                args=(CARD, MAIL),
                password="hunter2",
                nested={"token": "t0k3n", "list": [MAIL]},
                exc_info=sys.exc_info(),
                **{MAIL: 1},
            )
        )
    assert not [needle for needle in (MAIL, CARD, "hunter2", "t0k3n") if needle in text]
    shown = json.loads(text)
    assert (shown["message"], shown["logger"]) == ("card [CREDIT_CARD] of [EMAIL]", "[EMAIL]")
    assert shown["exception.message"] == "no account for [EMAIL]"


def test_redaction_is_off_only_when_that_is_asked_for():
    assert line(JsonFormatter(redact=False), msg=MAIL, args=None)["message"] == MAIL
    assert line(JsonFormatter(policy=Policy.off()), msg=MAIL, args=None)["message"] == MAIL


def test_a_formatter_made_before_init_follows_the_policy_of_init(monkeypatch):
    formatter = JsonFormatter()
    monkeypatch.setattr(scrubbing, "_chosen", Policy(profiles=("eu",)))
    assert line(formatter, msg="x", args=None)["message"] == "x"
    assert formatter._scrub._engine.policy.profiles == ("eu",)
    scrubbing.follow(Policy.off())
    assert line(formatter, msg=MAIL, args=None)["message"] == MAIL
    assert line(JsonFormatter(policy=Policy.default()), msg=MAIL, args=None)["message"] == "[EMAIL]"


def test_a_redaction_that_fails_drops_all_that_came_from_the_application():
    class Broken:
        def text(self, text, key):
            raise ValueError(text)

    formatter = JsonFormatter()
    formatter._scrub = Broken()
    assert line(formatter, msg=MAIL, args=None, mail=MAIL) == {
        "timestamp": "2023-11-14T22:13:20.123456000Z",
        "level": "",
        "message": "[DROPPED]",
        "logger": "",
    }


def test_a_mapping_that_was_logged_is_fields_and_the_message_stays_a_string():
    shown = line(msg={"event": "paid", "order": 7, "password": "x"}, args=None)
    assert (shown["message"], shown["order"]) == ("paid", 7)
    assert shown["password"] != "x"
    assert line(msg={"order": 7}, args=None)["message"] == ""


def test_an_extra_whose_name_is_taken_stands_aside():
    shown = line(level="mine", trace_id="mine", **{"thread.name": "mine"})
    assert (shown["level"], shown["extra.level"]) == ("INFO", "mine")
    assert (shown["extra.trace_id"], shown["extra.thread.name"]) == ("mine", "mine")
    assert "trace_id" not in shown


def test_numbers_that_json_does_not_have_are_null():
    shown = line(nan=float("nan"), infinite=float("inf"), huge=1 << 80)
    assert (shown["nan"], shown["infinite"], shown["huge"]) == (None, None, 1 << 80)


def test_it_is_named_in_a_configuration_like_any_formatter(tmp_path):
    path = tmp_path / "log"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": "traceo.logs.JsonFormatter", "service_name": "shop"}},
            "handlers": {
                "file": {"class": "logging.FileHandler", "filename": str(path), "formatter": "json"}
            },
            "loggers": {"shop.configured": {"handlers": ["file"], "level": "INFO", "propagate": False}},
        }
    )
    logger = logging.getLogger("shop.configured")
    logger.info("paid by %s", MAIL)
    logger.warning("again")
    logger.handlers.pop().close()
    assert [json.loads(text)["message"] for text in path.read_text().splitlines()] == [
        "paid by [EMAIL]",
        "again",
    ]


texts = st.text(st.characters(), max_size=20)  # half surrogate pairs among them
values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), texts, st.binary(max_size=20), st.builds(object)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(texts, st.integers(), st.none()), inner, max_size=4),
    ),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "formatter", [JsonFormatter(), JsonFormatter(redact=False)], ids=["redacted", "as it is"]
)
@given(values, st.dictionaries(texts, values, max_size=4), st.one_of(st.none(), st.tuples(values)), texts)
def test_any_record_is_one_valid_line(formatter, message, extra, args, name):
    record = made(msg=message, args=args, name=name, levelname=name)
    vars(record).update((key, value) for key, value in extra.items() if key not in vars(record))
    loop: list = []
    loop.append(loop)
    record.loop = loop
    text = formatter.format(record)
    assert "\n" not in text
    shown = json.loads(text, parse_constant=pytest.fail)
    assert {"timestamp", "level", "message", "logger", "loop"} <= set(shown)
    assert isinstance(shown["message"], str)


def test_the_policy_of_init_holds_for_what_is_printed_too():
    script = """
    import logging, sys, traceo
    from traceo.logs import JsonFormatter
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler])
    traceo.init(redaction={"keys": {"order": "mask"}}, endpoint="http://127.0.0.1:9", exit_timeout_s=0.1)
    logging.warning("paid", extra={"order": "A-7", "item": "B-8"})
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    shown = json.loads(done.stdout)
    assert (shown["order"], shown["item"]) == ("[REDACTED]", "B-8")
