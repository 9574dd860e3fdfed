"""`init` in real processes, against a recording HTTP server or nothing at all."""

import os
import subprocess
import sys
import textwrap

NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens there
GENEROUS_S = 60


def run(script: str, endpoint: str = NOWHERE, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, with nothing of ours in its environment but what is given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "TRACEO_"))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        # The machine may be busy: what is to arrive may take its time.
        env={**clean, "TRACEO_ENDPOINT": endpoint, "TRACEO_EXIT_TIMEOUT_S": "30", **environ},
        capture_output=True,
        text=True,
        timeout=GENEROUS_S,
        check=False,
    )


APP = """
    import logging, traceo
    traceo.init(service_name="shop")
    with traceo.span("checkout", note="for ada@example.com"):
        with traceo.span("charge"):
            logging.getLogger("shop").warning("order of ada@example.com")
    print("done")
"""


def test_spans_and_logs_of_a_short_process_arrive_as_it_ends(recorder):
    done = run(APP, recorder.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "order of ada@example.com\n")
    assert recorder.names() == ["charge", "checkout"]
    assert recorder.lines() == ["order of [EMAIL]"]
    spans = {span.name: span for _, span in recorder.spans()}
    assert spans["charge"].parent_span_id == spans["checkout"].span_id
    (resource, _), *_ = recorder.spans()
    assert {a.key: a.value.string_value for a in resource.attributes}["service.name"] == "shop"
    assert not any(b"ada@example.com" in body for _, body in recorder.posts)


def test_with_nothing_listening_the_app_is_the_same_and_one_line_says_what_happened():
    done = run(APP)
    assert (done.returncode, done.stdout) == (0, "done\n")
    said = done.stderr.splitlines()
    assert said == [
        "order of ada@example.com",
        (
            f"traceo: {NOWHERE}: nothing listens there; 2 spans and 1 log line dropped at exit; "
            "check the endpoint (from TRACEO_ENDPOINT)"
        ),
    ]


def test_with_a_peer_that_never_answers_the_app_still_ends():
    """A listening socket that nobody accepts from: `timeout_s` is an hour, `exit_timeout_s` a moment."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoint = f"http://127.0.0.1:{mute.getsockname()[1]}"
        done = run(APP, endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="600", TRACEO_EXIT_TIMEOUT_S="0.3")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert f"traceo: {endpoint}: not delivered in time; 2 spans and 1 log line dropped at exit" in done.stderr


def test_an_uncaught_exception_looks_the_same_and_its_spans_arrive(recorder):
    script = """
        import traceo
        traceo.init()
        with traceo.span("fails"):
            raise ValueError("card 4111 1111 1111 1111 declined")
    """
    done = run(script, recorder.url)
    plain = run(script.replace("traceo.init()", ""), recorder.url)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", plain.stderr)
    ((_, span),) = recorder.spans()
    assert span.status.message == "ValueError: card [CREDIT_CARD] declined"


def test_parent_and_forked_child_each_deliver_their_own_once(recorder):
    done = run(
        """
        import os, sys, traceo
        traceo.init()
        with traceo.span("before"):
            pass
        traceo.flush()
        with traceo.span("waiting in the parent"):
            pass
        if os.fork() == 0:
            with traceo.span("child"):
                pass
            sys.exit()
        os.wait()
        with traceo.span("after"):
            pass
        """,
        recorder.url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert recorder.names() == ["after", "before", "child", "waiting in the parent"]
    pids = {
        span.name: attribute.value.int_value
        for resource, span in recorder.spans()
        for attribute in resource.attributes
        if attribute.key == "process.pid"
    }
    assert pids["before"] == pids["after"] != pids["child"]


def test_init_again_gives_the_same_client_and_warns_once_about_other_settings(recorder):
    done = run(
        """
        import traceo
        first = traceo.init(sample_rate=1.0)
        assert traceo.init() is traceo.init(sample_rate=1.0) is first
        assert traceo.init(sample_rate=0.5, console="off") is first
        assert traceo.init(sample_rate=0.1) is first
        assert first.config.sample_rate == 1.0
        """,
        recorder.url,
    )
    assert done.stderr == (
        "traceo: init() was called again with another console, sample_rate; the first call's stays\n"
    )
    assert done.returncode == 0


def test_a_wrong_setting_is_the_only_thing_init_raises():
    done = run("import traceo; traceo.init()", TRACEO_SAMPLE_RATE="1.5")
    assert done.stderr.splitlines()[-1] == (
        "traceo.errors.ConfigError: sample_rate is 1.5 (from TRACEO_SAMPLE_RATE); give a number from 0.0 to 1.0"
    )
    done = run("import traceo; traceo.init()", TRACEO_INSTRUMENT="htpx")
    assert "instrument (from TRACEO_INSTRUMENT) names 'htpx'" in done.stderr
    assert "did you mean 'httpx'?" in done.stderr


def test_the_sdk_switch_of_opentelemetry_makes_everything_inert(recorder):
    done = run(
        """
        import logging, sys, threading, traceo
        from opentelemetry import trace
        client = traceo.init()
        with traceo.span("x") as span:
            assert not span.is_recording()
        logging.getLogger().warning("hello")
        assert client.flush() and client.shutdown()
        assert threading.active_count() == 1
        assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
        print(traceo.status().state)
        """,
        recorder.url,
        OTEL_SDK_DISABLED="true",
    )
    assert (done.stdout, done.stderr) == ("disabled\n", "hello\n")
    assert recorder.posts == []


def test_another_tracer_provider_is_left_alone_and_named_in_the_status(recorder):
    done = run(
        """
        import traceo
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        theirs = TracerProvider()
        trace.set_tracer_provider(theirs)
        traceo.init()
        assert trace.get_tracer_provider() is theirs
        with traceo.span("theirs") as span:
            assert type(span).__module__.startswith("opentelemetry.sdk")
        print(*traceo.status().notes)
        """,
        recorder.url,
    )
    assert "opentelemetry.sdk.trace.TracerProvider was the tracer provider before init()" in done.stdout
    assert done.stderr == ""
    assert recorder.names() == []


def test_logging_of_the_app_is_the_same_with_us(recorder):
    """`basicConfig` after init, the last-resort handler, and a logger that does not propagate."""
    script = """
        import logging, traceo
        traceo.init()
        logging.warning("last resort")
        logging.root.handlers.clear()
        logging.getLogger("a").warning("bare")
        logging.basicConfig(format="%(levelname)s %(message)s", level="INFO")
        logging.getLogger("b").info("formatted")
        quiet = logging.getLogger("c")
        quiet.propagate = False
        quiet.addHandler(logging.NullHandler())
        quiet.info("quiet")
    """
    done = run(script, recorder.url)
    plain = run(script.replace("traceo.init()", ""), recorder.url)
    assert (done.stdout, done.stderr) == (plain.stdout, plain.stderr)
    assert recorder.lines() == ["last resort", "bare", "formatted", "quiet"]


def test_flush_and_status_tell_what_has_become_of_it(recorder):
    done = run(
        """
        import traceo
        traceo.init(service_name="shop")
        for number in range(1000):
            with traceo.span("work", number=number, note="ada@example.com"):
                pass
        assert traceo.flush(30)
        status = traceo.status()
        assert status.to_dict()["spans"] == {
                "created": 1000, "delivered": 1000, "waiting": 0, "spooled": 0, "dropped": {}
            }
        assert status.redactions == {"EMAIL": 1000}
        assert status.raw_bytes > status.sent_bytes > 0
        print(status)
        """,
        recorder.url,
    )
    assert done.stderr == ""
    assert "state       running" in done.stdout
    assert "destination" not in done.stdout
    assert f"endpoint    {recorder.url} (plain gzip)" in done.stdout
    assert "spans       1000 created, 1000 delivered, 0 waiting, 0 dropped" in done.stdout
    assert len(recorder.names()) == 1000


def test_redaction_off_is_possible_and_visible(recorder):
    run(APP, recorder.url, TRACEO_REDACTION="off")
    assert any(b"ada@example.com" in body for _, body in recorder.posts)


def test_on_a_terminal_the_traces_are_shown_where_nothing_answers():
    done = run(APP.replace('service_name="shop"', 'service_name="shop", console="on"'))
    assert "checkout" in done.stderr
    assert "· WARNING order of [EMAIL]" in done.stderr
    assert "ada@example.com" not in done.stderr.replace("order of ada@example.com\n", "", 1)


def test_the_console_is_for_terminals_where_no_endpoint_is_set(monkeypatch):
    from traceo.assembly import _console
    from traceo.config import load

    def has_console(environ, *, terminal):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
        return _console(load({}, environ)) is not None

    assert has_console({}, terminal=True)
    assert not has_console({}, terminal=False)
    assert not has_console({"TRACEO_ENDPOINT": NOWHERE}, terminal=True)
    assert has_console({"TRACEO_ENDPOINT": NOWHERE, "TRACEO_CONSOLE": "on"}, terminal=False)
    assert not has_console({"TRACEO_CONSOLE": "off"}, terminal=True)


def test_a_part_of_ours_that_breaks_leaves_the_application_running():
    done = run(
        """
        import traceo.instrumentation, traceo.logs.tap, traceo.tracing
        def broken(*args, **settings):
            raise RuntimeError
        traceo.instrumentation.install = traceo.logs.tap.Handler = broken
        import traceo
        traceo.init()
        with traceo.span("x"):
            print(*traceo.status().notes, sep="; ")
        traceo.tracing.TracerProvider = broken
        """
    )
    assert done.stdout == (
        "instrumentation could not be started (RuntimeError); logs could not be started (RuntimeError)\n"
    )
    assert done.returncode == 0


def test_a_removed_working_directory_does_not_matter(recorder):
    done = run(
        """
        import os, tempfile
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        os.rmdir(folder)
        import traceo
        traceo.init()
        with traceo.span("x"):
            pass
        """,
        recorder.url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert recorder.names() == ["x"]


def test_a_wrong_price_table_stops_init_and_names_its_source():
    done = run(
        """
        import traceo
        traceo.init(prices={"currency": "EUR", "models": {"gpt*": {"input": "cheap"}}}, console="off")
        """
    )
    assert "ConfigError: prices are not understood" in done.stderr
    assert "(from argument" in done.stderr or "from argument)" in done.stderr


def test_parameters_of_statements_are_recorded_when_asked_for_and_redacted(recorder):
    done = run(
        """
        import sqlite3, traceo
        traceo.init(capture=["sql_parameters"], console="off", seal="off")
        connection = sqlite3.connect(":memory:")
        connection.execute("create table people (mail, age)")
        connection.execute("insert into people values (?, ?)", ("ada@example.com", 36))
        """,
        recorder.url,
    )
    assert done.returncode == 0, done.stderr
    [insert] = [span for _, span in recorder.spans() if span.name == "INSERT people"]
    told = {one.key: one.value for one in insert.attributes if one.key.startswith("db.query.parameter.")}
    assert told["db.query.parameter.0"].string_value == "[EMAIL]"
    assert told["db.query.parameter.1"].int_value == 36


def test_views_say_what_becomes_of_a_metric():
    done = run(
        """
        import traceo
        from traceo.metrics import View
        traceo.init(views=[View(instrument_name="orders", name="shop.orders")], console="off", exit_timeout_s=0)
        traceo.counter("orders").add(1)
        client = traceo.init()
        print([metric.name for metric in client.metering.provider.collect()])
        """
    )
    assert done.stdout == "['shop.orders']\n", done.stderr
