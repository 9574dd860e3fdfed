"""Of what goes wrong on the wire, the texts that a server or a proxy writes stay with the application."""

import contextlib
import http.client
import socket
import ssl
import threading

import pytest
import requests

from tests.instrumentation.conftest import Spans
from tests.instrumentation.http_clients import ALL
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
        OSError("Tunnel connection failed: 407 Hunter2"),
        requests.exceptions.MissingSchema("Invalid URL 'h/?code=Hunter2'"),
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


@contextlib.contextmanager
def answering(answer):
    """A server that gives each of its clients this answer, whatever they ask for."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("client", ALL, ids=str)
@pytest.mark.parametrize(
    "answer",
    [
        b"Hunter2walrus9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nHunter2walrus9 \x00: x\r\nX\x01: Hunter2walrus9\r\n\r\n",
        b"HTTP/1.1 9999 Hunter2walrus9\r\n\r\n",
        b"HTTP/1.1 407 Hunter2walrus9\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: myapp://cb?code=Hunter2walrus9\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHunter2walrus9\r\n",
    ],
)
async def test_nothing_that_a_server_sends_stands_in_the_error_of_a_client(spans, hook, client, answer):
    hook(client.row)
    with answering(answer) as address, contextlib.suppress(Exception):
        await client.send("GET", f"{address}/x")
    hops = spans.all()
    assert hops
    for span in hops:
        attributes = {**span.attributes, "url.full": ""}  # of the next hop: a URL like any other
        told = (attributes, span.status_message, [event.attributes for event in span.events])
        assert "Hunter2" not in repr(told)
