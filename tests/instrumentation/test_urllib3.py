"""What is particular to urllib3; what all clients share is in test_http_client.py."""

# ruff: noqa: F811  fixtures are imported by the name that tests take them by
import socket
import threading

import pytest
import urllib3
from urllib3 import HTTPConnectionPool, PoolManager, ProxyManager, Retry, Timeout

from tests.instrumentation.http_clients import base, parent_of, received  # noqa: F401

UNSET, ERROR = 0, 2


@pytest.fixture
def pool():
    pool = PoolManager()
    yield pool
    pool.clear()


def told(spans) -> list[tuple]:
    return [
        (
            span.attributes.get("http.response.status_code"),
            span.attributes.get("http.request.resend_count"),
            span.status_code,
            span.parent_span_id,
        )
        for span in spans.all()
    ]


def test_each_retry_is_a_span_beside_the_first(spans, hook, pool, base, received):
    hook("urllib3")
    retries = Retry(5, backoff_factor=0, status_forcelist=[503])
    assert pool.request("GET", f"{base}/flaky", retries=retries).data == b"up"
    assert told(spans) == [(503, None, ERROR, 0), (503, 1, ERROR, 0), (200, 2, UNSET, 0)]
    assert [parent_of(headers)[1] for headers in received] == [span.span_id for span in spans.all()]


def test_each_attempt_to_connect_is_told_once(spans, hook, pool):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        hook("urllib3")
        with pytest.raises(urllib3.exceptions.MaxRetryError):
            pool.request("GET", f"http://127.0.0.1:{nobody.getsockname()[1]}/", retries=Retry(1))
    assert told(spans) == [(None, None, ERROR, 0), (None, 1, ERROR, 0)]
    assert [len(span.events) for span in spans.all()] == [1, 1]


def test_a_pool_of_one_host_follows_redirects_itself(spans, hook, base):
    host, _, port = base.removeprefix("http://").partition(":")
    hook("urllib3")
    with HTTPConnectionPool(host, int(port)) as pool:
        assert pool.request("GET", "/away").data == b"ok"
    assert told(spans) == [(302, None, UNSET, 0), (200, 1, UNSET, 0)]
    assert [span.attributes["url.full"] for span in spans.all()] == [f"{base}/away", f"{base}/ok?step=2"]


def test_a_stream_is_not_read_and_its_span_has_ended_before(spans, hook, pool, base):
    hook("urllib3")
    response = pool.request("GET", f"{base}/endless", preload_content=False)
    assert told(spans) == [(200, None, UNSET, 0)]
    assert response.read(4) == b"more"
    response.close()


def test_a_timeout_is_an_error(spans, hook, pool, base):
    hook("urllib3")
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        pool.request("GET", f"{base}/slow", timeout=Timeout(read=0.05), retries=False)
    (span,) = spans.all()
    assert (span.status_code, span.attributes["error.type"]) == (
        ERROR,
        "urllib3.exceptions.ReadTimeoutError",
    )


def test_through_a_proxy_the_server_is_the_one_that_was_asked_for(spans, hook, base, received):
    hook("urllib3")
    proxy = ProxyManager(base)  # a server that takes the path of an absolute URL serves as one
    response = proxy.request("GET", "http://shop.example:8080/ok?x=1", retries=False)
    proxy.clear()
    assert response.status == 200
    (span,) = spans.all()
    assert {k: v for k, v in span.attributes.items() if k.startswith(("url", "server"))} == {
        "url.full": "http://shop.example:8080/ok?x=1",
        "server.address": "shop.example",
        "server.port": 8080,
    }
    assert parent_of(received[0])[1] == span.span_id


def test_headers_that_a_tunnel_would_share_with_the_app_are_copied(spans, hook):
    """A proxy that opens the tunnel and then hangs up: urllib3 has the app's own headers in hand there."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def tunnel() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

        thread = threading.Thread(target=tunnel)
        thread.start()
        headers = {"X-Tag": "1"}
        hook("urllib3")
        proxy = ProxyManager(f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(urllib3.exceptions.HTTPError):
            proxy.request("GET", "https://shop.example/ok", headers=headers, retries=False)
        thread.join(5)
        proxy.clear()
    assert headers == {"X-Tag": "1"}


def test_an_ipv6_address_stands_in_brackets_in_the_url_only(spans, hook):
    with socket.socket(socket.AF_INET6) as nobody:
        try:
            nobody.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        port = nobody.getsockname()[1]
        hook("urllib3")
        with pytest.raises(urllib3.exceptions.HTTPError), HTTPConnectionPool("::1", port) as pool:
            pool.request("GET", "/x", retries=False)
    (span,) = spans.all()
    assert (span.attributes["url.full"], span.attributes["server.address"]) == (
        f"http://[::1]:{port}/x",
        "::1",
    )
