import pytest
from opentelemetry.trace import SpanKind

import traceo
from traceo.testing import Capture, Redaction, assert_no_pii

pytest_plugins = ["pytester"]


def test_clean_telemetry_passes(capture):
    with traceo.span("pay", order=7):
        pass
    assert capture.redactions == []
    assert_no_pii(capture)


def test_the_message_names_place_and_type_and_no_value(capture, caplog):
    with (
        pytest.raises(ValueError),
        traceo.span("pay", note="mail ada@example.com", password="hunter2-hunter2"),
    ):
        raise ValueError("no card 4111 1111 1111 1111")
    with pytest.raises(AssertionError) as raised:
        assert_no_pii(capture)
    assert str(raised.value) == (
        "telemetry would have carried personal data or secrets, had it not been redacted:\n"
        "  span 'pay': attributes.note: EMAIL\n"
        "  span 'pay': attributes.password: key:password\n"
        "  span 'pay': events.0.attributes.exception.message: CREDIT_CARD\n"
        "  span 'pay': events.0.attributes.exception.stacktrace: CREDIT_CARD\n"
        "  span 'pay': status.message: CREDIT_CARD"
    )


def test_log_lines_count_too(capture):
    import logging

    logging.getLogger("shop").warning("cannot reach %s", "ada@example.com")
    assert capture.redactions == [Redaction("log line", "body", "EMAIL")]


def test_a_type_a_place_or_both_may_be_allowed(capture):
    with traceo.span("pay", note="ada@example.com"):
        pass
    for allow in (["EMAIL"], ["attributes.note"], ["attributes.*=EMAIL"]):
        assert_no_pii(capture, allow=allow)
    with pytest.raises(AssertionError):
        assert_no_pii(capture, allow=["PHONE", "attributes.other"])


def test_a_literal_in_sql_counts_only_when_it_is_personal(capture):
    with traceo.span("read", **{"db.query.text": "SELECT * FROM orders WHERE status = 'open' LIMIT 10"}):
        pass
    assert capture.redactions == []
    with traceo.span("read", **{"db.query.text": "SELECT * FROM users WHERE name IN ('ada@example.com')"}):
        pass
    with traceo.span("read", **{"db.query.text": "UPDATE users SET password = 'hunter2-hunter2'"}):
        pass
    assert [(one.place, one.rule) for one in capture.redactions] == [
        ("attributes.db.query.text", "EMAIL"),
        ("attributes.db.query.text", "key:password"),
    ]


def test_the_policy_of_the_project_is_used(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[tool.traceo.redaction.types]\nEMAIL = 'keep'\n")
    monkeypatch.chdir(tmp_path)
    assert Capture().policy.entities == (("EMAIL", "keep"),)
    monkeypatch.setenv("TRACEO_REDACTION", "off")
    assert Capture().policy == traceo.Policy.default()


SUITE = """
import logging
import pytest
import traceo

def test_clean():
    with traceo.span("pay", order=7):
        pass

def test_leaks():
    with traceo.span("pay", note="mail ada@example.com"):
        logging.getLogger("shop").warning("call +1 212-555-0187")

@pytest.mark.traceo_allows("EMAIL")
def test_allowed():
    with traceo.span("pay", note="mail ada@example.com"):
        pass

def test_fails_by_itself():
    with traceo.span("pay", note="mail ada@example.com"):
        assert 1 == 2
"""


@pytest.mark.parametrize("how", ["-p traceo.testing", "conftest"])
def test_the_option_fails_a_test_that_would_have_leaked(pytester, how):
    words = how.split() if how != "conftest" else []
    if not words:
        pytester.makeconftest('pytest_plugins = ["traceo.testing"]')
    pytester.makepyfile(SUITE)
    done = pytester.runpytest_subprocess(
        *words, "--traceo-no-pii", "--strict-markers", "-p", "no:cacheprovider"
    )
    done.assert_outcomes(passed=2, failed=2)
    done.stdout.fnmatch_lines(
        [
            "*telemetry would have carried personal data or secrets, had it not been redacted:",
            "*log line: body: PHONE",
            "*span 'pay': attributes.note: EMAIL",
            "*assert 1 == 2",
        ]
    )
    without = pytester.runpytest_subprocess(*words, "-p", "no:cacheprovider")
    without.assert_outcomes(passed=3, failed=1)


def test_the_failure_shows_no_value_but_the_tests_own_source(pytester):
    pytester.makepyfile(
        values="NOTE = 'mail ada@example.com'",
        test_shop="import traceo, values\ndef test_leaks():\n    with traceo.span('pay', note=values.NOTE):\n        pass\n",
    )
    done = pytester.runpytest_subprocess("-p", "traceo.testing", "--traceo-no-pii", "-vv", "--showlocals")
    done.assert_outcomes(failed=1)
    assert "ada@example.com" not in done.stdout.str() + done.stderr.str()


@pytest.mark.parametrize("place", ["module", "test"])
def test_an_application_that_starts_traceo_itself_is_seen(pytester, place):
    start = "traceo.init(endpoint='http://127.0.0.1:9', exit_timeout_s=0, console='off')"
    pytester.makepyfile(
        f"""
        import httpx, traceo
        {start if place == "module" else ""}

        class Nowhere(httpx.BaseTransport):
            def handle_request(self, request):
                return httpx.Response(204)

        def test_first():
            {start if place == "test" else "pass"}

        def test_request(capture):
            with httpx.Client(transport=Nowhere()) as client:
                client.get("http://shop.example/find?q=ada@example.com")
            assert len(capture.spans) == 1

        def test_again():
            with httpx.Client(transport=Nowhere()) as client:
                client.get("http://shop.example/find?page=2")
            with traceo.span("pay"):
                pass
        """
    )
    done = pytester.runpytest_subprocess("-p", "traceo.testing", "--traceo-no-pii", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(["*span 'GET': attributes.url.full: *"])


_made_with_the_module = traceo.counter("shop.orders", unit="{order}")


@pytest.mark.parametrize("_", range(2))
def test_metrics_are_plain_values_and_start_from_zero_in_each_test(capture, _):
    _made_with_the_module.add(2, {"country": "IN"})
    _made_with_the_module.add(1, {"country": "IN"})
    traceo.histogram("shop.size", unit="By", description="Of baskets.", buckets=[10, 20]).record(12)
    waiting = [(7, {"queue": "mail"})]
    traceo.observable_counter("shop.waiting", lambda: waiting)
    with capture.provider.get_tracer("shop").start_as_current_span(
        "GET /", kind=SpanKind.SERVER, attributes={"http.request.method": "GET"}
    ):
        pass
    assert capture.metrics == [
        {
            "name": "http.server.request.duration",
            "unit": "s",
            "description": "Duration of HTTP server requests.",
            "kind": "histogram",
            "scope": "traceo.spans",
            "points": [
                {
                    "attributes": {"http.request.method": "GET"},
                    "count": 1,
                    "sum": 0.001,
                    "min": 0.001,
                    "max": 0.001,
                    "buckets": {0.005: 1},
                }
            ],
        },
        {
            "name": "shop.orders",
            "unit": "{order}",
            "kind": "sum",
            "scope": "traceo",
            "points": [{"attributes": {"country": "IN"}, "value": 3}],
        },
        {
            "name": "shop.size",
            "unit": "By",
            "description": "Of baskets.",
            "kind": "histogram",
            "scope": "traceo",
            "points": [{"count": 1, "sum": 12, "min": 12, "max": 12, "buckets": {20: 1}}],
        },
        {
            "name": "shop.waiting",
            "kind": "sum",
            "scope": "traceo",
            "points": [{"attributes": {"queue": "mail"}, "value": 7}],
        },
    ]
    waiting.clear()  # it lives on


def test_what_a_metric_would_have_carried_counts_too(capture):
    traceo.counter("shop.of", description="for ada@example.com").add(1, {"who": "bob@example.com"})
    with pytest.raises(AssertionError) as caught:
        assert_no_pii(capture)
    assert str(caught.value).splitlines()[1:] == [
        "  metric 'shop.of': attributes.who: EMAIL",
        "  metric 'shop.of': description: EMAIL",
    ]


def test_what_an_application_with_traceo_started_measures_is_seen_from_zero(pytester):
    pytester.makepyfile(
        test_app="""
        import traceo
        from opentelemetry import trace

        traceo.init(console="off", endpoint="http://127.0.0.1:9", exit_timeout_s=0)
        orders = traceo.counter("orders")
        tracer = trace.get_tracer("app")
        orders.add(100)

        def order():
            with tracer.start_as_current_span("GET", kind=trace.SpanKind.SERVER):
                orders.add(1)

        def of(capture):
            return {
                metric["name"]: [point.get("value", point.get("count")) for point in metric["points"]]
                for metric in capture.metrics
            }

        def test_first(capture):
            order()
            assert of(capture) == {"orders": [1], "traces.span.metrics.duration": [1]}

        def test_without():
            order()

        def test_again(capture):
            order()
            order()
            assert of(capture) == {"orders": [2], "traces.span.metrics.duration": [2]}
        """
    )
    pytester.runpytest_subprocess("-p", "traceo.testing").assert_outcomes(passed=3)
