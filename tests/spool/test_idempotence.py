"""A connection that breaks between storing and answering: the collector holds each span once all the same."""

import contextlib
import socket
import threading

import pytest

from tests.spool.conftest import GENEROUS_S
from tests.spool.test_processes import BALANCE, START


class CuttingProxy:
    """Passes requests on, one connection at a time upstream for each, and loses the answers it is told to."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream = upstream_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cuts = 0
        self.should_cut = lambda number: False
        """Whether the answer to the n-th batch is lost."""
        self._batches = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            while request := _message(client):
                with socket.create_connection(("127.0.0.1", self._upstream), timeout=GENEROUS_S) as upstream:
                    upstream.sendall(request)
                    answer = _message(upstream)
                if request.startswith(b"POST"):
                    self._batches += 1
                    if self.should_cut(self._batches):
                        self.cuts += 1
                        return
                client.sendall(answer)

    def close(self) -> None:
        self._listener.close()


def _message(sock: socket.socket) -> bytes:
    """One HTTP message with a Content-Length; empty at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            return b""
        data += part
    head, _, _ = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(data) < len(head) + 4 + length:
        part = sock.recv(65536)
        if not part:
            return b""
        data += part
    return data


@pytest.fixture
def proxy(collector):
    made = CuttingProxy(collector.port)
    yield made
    made.close()


def test_answers_that_are_lost_double_nothing_while_the_process_lives(collector, run_app, proxy):
    proxy.should_cut = lambda number: number % 2 == 1
    app = run_app(
        START,
        """
        for _ in range(3):
            spans(700)
            until(lambda: traceo.status().spans.waiting + traceo.status().spans.spooled == 0)
        """,
        BALANCE,
        TRACEO_ENDPOINT=f"http://127.0.0.1:{proxy.port}",
    )
    assert app.hear("balance")["spans"]["delivered"] == 2100
    app.end()
    assert proxy.cuts >= 3
    collector.wait_for_spans(2100)
    assert collector.figures()["duplicates"] >= 3


def test_nor_without_a_spool(collector, run_app, proxy):
    proxy.should_cut = lambda number: number in {1, 2, 3}
    app = run_app(
        START,
        "spans(900); until(lambda: traceo.status().spans.waiting == 0)",
        BALANCE,
        TRACEO_ENDPOINT=f"http://127.0.0.1:{proxy.port}",
        TRACEO_SPOOL_DIR="",
    )
    assert app.hear("balance")["spans"]["delivered"] == 900
    app.end()
    collector.wait_for_spans(900)
    assert collector.figures()["duplicates"] >= 2


def test_nor_when_another_process_repeats_what_this_one_sent(collector, run_app, proxy):
    endpoint = f"http://127.0.0.1:{proxy.port}"
    proxy.should_cut = lambda number: number > 1
    app = run_app(
        START,
        "spans(1); assert traceo.flush(30); spans(1200); until(lambda: traceo.status().spans.spooled == 1200)",
        "say('spooled'); go_on()",
        TRACEO_ENDPOINT=endpoint,
    )
    app.hear("spooled")
    app.process.kill()
    app.process.communicate()
    stored = collector.figures()["spans"]
    assert stored > 1, "the batch whose answer was lost is there"
    proxy.should_cut = lambda number: False
    run_app(
        START, "until(lambda: traceo.status().recovered.delivered == 1200)", TRACEO_ENDPOINT=endpoint
    ).end()
    collector.wait_for_spans(1201)
