"""A recording HTTP server: what arrived, and answers as the test lays them down."""

import contextlib
import socketserver
import ssl
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest


class Arrived(msgspec.Struct):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int
    """The client's port: the same for two requests over one connection."""


class Answer(msgspec.Struct):
    status: int = 200
    headers: dict[str, str] = {}
    body: bytes = b""
    then_close: bool = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self):
        with contextlib.suppress(OSError):
            super().handle()

    def do_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        peer = self.server.peer
        peer.arrived.append(Arrived(self.command, self.path, headers, body, self.client_address[1]))
        answer = peer.answer_to(self.path)
        if answer is None:
            peer.hold.wait(20)
            answer = peer.answer_to(self.path)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = self.close_connection or answer.then_close

    do_GET = do_POST = do_any  # noqa: N815 - the names `http.server` calls

    def log_message(self, *arguments):
        pass


class RecordingPeer:
    """`answers[path]` is an `Answer`, a deque of them used up in order, or None: wait until `hold` is set."""

    def __init__(self, context=None):
        self.arrived = []
        self.answers = {}
        self.hold = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.server.daemon_threads = True
        self.server.allow_reuse_address = True
        self.server.peer = self
        self.server.handle_error = lambda *_: None
        self.server.server_bind = lambda: socketserver.TCPServer.server_bind(self.server)
        self.server.server_bind()
        self.server.server_activate()
        self.port = self.server.server_address[1]
        self.scheme = "http"
        if context is not None:
            self.scheme = "https"
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def url(self, host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}"

    def answer_to(self, path):
        answer = self.answers.get(path, Answer(404))
        if isinstance(answer, deque):
            return answer.popleft() if len(answer) > 1 else answer[0]
        return answer

    def close(self):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def answer():
    return Answer


@pytest.fixture
def start_peer():
    peers = []

    def start(context: ssl.SSLContext | None = None):
        peers.append(RecordingPeer(context))
        return peers[-1]

    yield start
    for peer in peers:
        peer.close()


@pytest.fixture
def peer(start_peer):
    return start_peer()
