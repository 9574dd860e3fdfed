"""Of what goes wrong on the wire, the texts that a server or a proxy writes stay with the application."""

import http.client
import ssl

import pytest

from tests.instrumentation.conftest import Spans
from traceo.instrumentation import http_client


def told(error):
    spans = Spans("traceo")
    http_client.broken(spans.provider.get_tracer("test").start_span("GET"), error)
    (span,) = spans.all()
    (event,) = span.events
    return span.attributes["error.type"], event.attributes


def caused(error, cause):
    error.__cause__ = cause
    return error


class ProxyError(Exception):
    pass


class ConnectError(Exception):
    pass


@pytest.mark.parametrize(
    "error",
    [
        http.client.BadStatusLine("Hunter2"),
        ValueError("Invalid header: Hunter2"),
        ConnectionError("Connection aborted.", http.client.BadStatusLine("Hunter2")),
        caused(ConnectError("Hunter2"), ProxyError("407 Hunter2")),
        caused(ProxyError("407 Hunter2"), OSError("Tunnel connection failed: 407 Hunter2")),
    ],
)
def test_a_text_of_the_peer_is_left_out(error):
    kind, event = told(error)
    assert kind.endswith(type(error).__name__)
    assert set(event) == {"exception.type", "exception.stacktrace"}
    assert "Hunter2" not in str(event)


def test_one_of_a_connection_a_time_limit_or_tls_is_told():
    refused = caused(ConnectError("all attempts failed"), ConnectionRefusedError(111, "Connection refused"))
    refused.__cause__.__context__ = refused  # a chain may bite its tail
    for error in (refused, TimeoutError("timed out"), ssl.SSLError(1, "certificate verify failed")):
        _, event = told(error)
        assert event["exception.message"] == str(error)
