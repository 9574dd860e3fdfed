import http.client
import http.server
import threading

import pytest

from traceo.cli.demo.proxy import Message, RecordingProxy, messages


class _Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    proxy = RecordingProxy(server.server_address[1])
    proxy.start()
    yield proxy
    proxy.stop()
    server.shutdown()
    thread.join()
    server.server_close()


def test_requests_on_one_connection_pass_and_are_kept(proxy):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    bodies = [b"first", b"\x00second" * 50_000]
    for body in bodies:
        connection.request("POST", "/v1/traces", body=body, headers={"X-Kind": "Test"})
        assert connection.getresponse().read() == body
    connection.close()
    proxy.stop()
    [kept] = proxy.connections
    assert [(m.method, m.path, m.headers["x-kind"], m.body) for m in messages(bytes(kept.sent))] == [
        ("POST", "/v1/traces", "Test", body) for body in bodies
    ]
    assert all(body in kept.answered for body in bodies)


def test_a_recording_that_ends_inside_a_request_is_refused():
    with pytest.raises(ValueError, match="ends inside a request"):
        messages(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nfour")


def test_a_request_without_a_body_is_a_message_too():
    assert messages(b"GET /api/traceo/keys HTTP/1.1\r\nHost: x\r\n\r\n") == [
        Message("GET", "/api/traceo/keys", {"host": "x"}, b"")
    ]
