import os
import socket
import threading
import time
from collections import deque

import pytest

from traceo._version import __version__
from traceo.errors import ConfigError
from traceo.exporters.http import HttpSender, explain, is_loopback


@pytest.fixture
def connect():
    senders = []

    def connect(endpoint, headers=None, timeout_s=5.0):
        senders.append(HttpSender(endpoint, headers or {}, timeout_s))
        return senders[-1]

    yield connect
    for sender in senders:
        sender.close()


@pytest.fixture
def sender(peer, connect):
    return connect(peer.url(), {"x-team": "shop"})


def test_a_request_carries_its_headers_and_body(peer, sender, answer):
    peer.answers["/v1/traces"] = answer(200, {"X-Answer": "yes"}, b"done")
    response = sender.send("/v1/traces", b"body", "application/x-protobuf", "zstd")
    assert (response.status, response.headers["x-answer"], response.body) == (200, "yes", b"done")
    [request] = peer.arrived
    assert (request.method, request.path, request.body) == ("POST", "/v1/traces", b"body")
    assert {name: request.headers.get(name) for name in ("content-type", "content-encoding", "x-team")} == {
        "content-type": "application/x-protobuf",
        "content-encoding": "zstd",
        "x-team": "shop",
    }
    assert request.headers["user-agent"] == f"Traceo-Python/{__version__}"
    assert request.headers["host"] == f"127.0.0.1:{peer.port}"


def test_one_connection_serves_many_requests(peer, sender, answer):
    peer.answers["/"] = answer()
    for _ in range(5):
        sender.get("/")
    assert len({request.port for request in peer.arrived}) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(peer, sender, answer):
    # "Connection: close" is not announced: the sender finds out on its next request.
    peer.answers["/"] = deque([answer(then_close=True), answer(201)])
    assert sender.get("/").status == 200
    assert sender.get("/").status == 201
    assert len({request.port for request in peer.arrived}) == 2


def test_redirects_are_not_followed(peer, sender, answer):
    peer.answers["/old"] = answer(307, {"Location": "/new"})
    peer.answers["/new"] = answer(200)
    assert sender.send("/old", b"secret", "text/plain").status == 307
    assert [request.path for request in peer.arrived] == ["/old"]


def test_an_endless_answer_is_cut_off(peer, sender, answer):
    peer.answers["/"] = answer(200, {}, b"x" * (1024 * 1024 + 1))
    with pytest.raises(TimeoutError):
        sender.get("/")


def test_an_answer_that_is_not_http_is_an_error_of_the_connection(connect):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        sender = connect(f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(ConnectionError, match="not an HTTP answer"):
            sender.get("/")
        thread.join()


def test_nothing_listening_says_so(connect):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OSError) as caught:
        connect(f"http://127.0.0.1:{port}").get("/")
    assert explain(caught.value) == "nothing listens there"


def test_a_silent_peer_ends_with_a_timeout(peer, connect):
    peer.answers["/"] = None
    sender = connect(peer.url(), timeout_s=0.2)
    with pytest.raises(TimeoutError) as caught:
        sender.get("/")
    assert explain(caught.value) == "it did not answer in time"


def outcome_of(call):
    """Run `call` in a thread; the thread and a list that gets its exception."""
    caught = []

    def run():
        try:
            call()
        except OSError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, caught


def test_close_ends_a_send_that_waits_for_its_answer(peer, connect):
    peer.answers["/"] = None
    sender = connect(peer.url(), timeout_s=60.0)
    thread, caught = outcome_of(lambda: sender.send("/", b"x", "text/plain"))
    deadline = time.monotonic() + 10
    while not peer.arrived and time.monotonic() < deadline:
        thread.join(0.005)
    sender.close()
    thread.join(5)
    assert not thread.is_alive()
    assert [type(error) for error in caught] == [ConnectionAbortedError]


def test_close_ends_a_send_that_waits_for_its_connection(connect):
    # A full backlog: the kernel leaves the next connection unanswered.
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        sender = connect(f"http://127.0.0.1:{address[1]}", timeout_s=60.0)
        thread, caught = outcome_of(lambda: sender.get("/"))
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not (sender._connection and sender._connection._held):
            thread.join(0.005)
        thread.join(0.1)
        assert thread.is_alive()
        sender.close()
        thread.join(5)
        for filler in fillers:
            filler.close()
    assert not thread.is_alive()
    assert [type(error) for error in caught] == [ConnectionAbortedError]


def test_a_closed_sender_stays_closed(peer, connect):
    sender = connect(peer.url())
    sender.close()
    with pytest.raises(ConnectionAbortedError):
        sender.get("/")
    assert peer.arrived == []


def test_a_forked_child_makes_its_own_connection_and_leaves_the_parents_alone(peer, sender, answer):
    peer.answers["/"] = answer()
    sender.get("/")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if sender.get("/").status == 200 else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    sender.get("/")
    first, childs, last = (request.port for request in peer.arrived)
    assert first == last
    assert childs != first


def test_a_forked_child_that_closes_leaves_a_send_of_its_parent_alone(peer, connect, answer):
    peer.answers["/"] = None
    sender = connect(peer.url(), timeout_s=60.0)
    answered = []
    thread = threading.Thread(target=lambda: answered.append(sender.get("/").status))
    thread.start()
    deadline = time.monotonic() + 10
    while not peer.arrived and time.monotonic() < deadline:
        thread.join(0.005)
    child = os.fork()
    if child == 0:
        try:
            sender.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    peer.answers["/"] = answer(200)
    peer.hold.set()
    thread.join(10)
    assert answered == [200]


def test_a_proxy_is_used_for_other_hosts_only(peer, answer, monkeypatch, connect):
    monkeypatch.setenv("http_proxy", f"http://user:pa%40ss@127.0.0.1:{peer.port}")
    monkeypatch.setenv("no_proxy", "internal.test")
    peer.answers["http://otlp.test:80/v1/logs"] = answer(202)
    sender = connect("http://otlp.test")
    assert sender.send("/v1/logs", b"x", "text/plain").status == 202
    assert peer.arrived[0].headers["host"] == "otlp.test:80"
    assert peer.arrived[0].headers["proxy-authorization"] == "Basic dXNlcjpwYUBzcw=="
    assert connect("http://internal.test")._proxy is None
    assert connect("http://localhost")._proxy is None
    sender.close()


@pytest.mark.parametrize(
    "endpoint", ["", "127.0.0.1:4318", "ftp://x", "http://", "http://x:y", "http://[::1"]
)
def test_an_endpoint_that_is_no_url_says_what_to_give(endpoint):
    with pytest.raises(ConfigError, match=r"give one like http://127\.0\.0\.1:4318"):
        HttpSender(endpoint, {}, 5.0)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("shop.localhost", True),
        ("localhost.evil.test", False),
        ("127.0.0.1.evil.test", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host, loopback):
    assert is_loopback(host) is loopback
