"""The collector's port behind TLS: who gets in, who is turned away, and what both sides say."""

import json
import os
import select
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
import trustme

from traceo.cli import main
from traceo.collector.settings import Settings
from traceo.errors import ConfigError
from traceo.exporters import connection
from traceo.exporters.destination import Destination
from traceo.exporters.http import HttpSender, TLSFiles, explain
from traceo.sealing import KeySet

NAME = "collector.test"


class Files:
    """A CA, and PEM files of certificates that it has signed."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(self.ca_file)
        self.cert, self.key = self.issue("server", NAME, "127.0.0.1")
        self.client_cert, self.client_key = self.issue("client", "client@shop.test")

    def issue(self, stem, *names):
        issued = self.ca.issue_cert(*names)
        certificate, key = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return certificate, key

    def client(self, *, with_certificate=True):
        if not with_certificate:
            return TLSFiles(str(self.ca_file))
        return TLSFiles(str(self.ca_file), str(self.client_cert), str(self.client_key))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("tls") / "theirs")


@pytest.fixture(scope="module")
def plain(launch, files, tmp_path_factory):
    """A collector with TLS and without client certificates."""
    data = tmp_path_factory.mktemp("plain") / "data"
    collector = launch(data, tls_cert=files.cert, tls_key=files.key)
    yield collector
    collector.end()


@pytest.fixture(scope="module")
def mutual(launch, files, tmp_path_factory):
    """A collector that wants a certificate of each client."""
    data = tmp_path_factory.mktemp("mutual") / "data"
    collector = launch(data, tls_cert=files.cert, tls_key=files.key, tls_client_ca=files.ca_file)
    yield collector
    collector.end()


@pytest.fixture(autouse=True)
def _named(monkeypatch):
    """`NAME` leads to this machine, as a name server would make it; TLS then treats it as another host."""
    real = socket.getaddrinfo
    monkeypatch.setattr(
        connection.socket,
        "getaddrinfo",
        lambda host, *more, **options: real("127.0.0.1" if host == NAME else host, *more, **options),
    )


class Tunnel:
    """An HTTP proxy that knows CONNECT only."""

    def __init__(self):
        self.asked = []
        self.status = b"200 Connection established"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(4096)
                target = head.split()[1].decode()
                self.asked.append(target)
                client.sendall(b"HTTP/1.1 " + self.status + b"\r\n\r\n")
                if self.status.startswith(b"200"):
                    with socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2]))) as server:
                        self.pass_on(client, server)

    def pass_on(self, client, server):
        other = {client: server, server: client}
        while True:
            for ready in select.select([client, server], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return
                other[ready].sendall(data)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def tunnel():
    tunnel = Tunnel()
    yield tunnel
    tunnel.close()


def ask(collector, tls, path="/healthz"):
    sender = HttpSender(f"https://{NAME}:{collector.port}", {}, 5.0, tls=tls)
    try:
        return sender.get(path)
    finally:
        sender.close()


def why_not(collector, tls):
    with pytest.raises(OSError) as caught:
        ask(collector, tls)
    return explain(caught.value)


def refusals(collector):
    return [line["reason"] for line in collector.log if line["event"] == "tls refused"]


def test_the_ready_line_says_https(plain):
    assert plain.url == f"https://127.0.0.1:{plain.port}"


def test_a_collector_behind_tls_takes_sealed_batches(plain, files, make):
    fingerprint = KeySet.load(plain.data / "keys").fingerprint
    sender = Destination(
        f"https://{NAME}:{plain.port}", pin=fingerprint, ca_file=str(files.ca_file), timeout_s=5.0
    )
    payload = make.traces(make.span()).SerializeToString()
    outcome = sender.deliver("traces", payload, bytes(16))
    sender.close()
    assert (outcome.kind, outcome.reason) == ("accepted", "")
    assert json.loads(ask(plain, files.client(), "/api/traceo/status").body)["spans"] == 1


def handshake(collector, files, **limits):
    context = ssl.create_default_context(cafile=files.ca_file)
    for name, version in limits.items():
        setattr(context, name, version)
    with (
        socket.create_connection(("127.0.0.1", collector.port), timeout=5) as raw,
        context.wrap_socket(raw, server_hostname=NAME) as secure,
    ):
        return secure.version(), secure.cipher()[0]


def test_tls_1_3_is_spoken_and_tls_1_2_is_refused_and_logged(plain, files):
    assert handshake(plain, files)[0] == "TLSv1.3"
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        handshake(plain, files, maximum_version=ssl.TLSVersion.TLSv1_2)
    plain.wait_for(lambda: "a client that offers no TLS 1.3; update it" in refusals(plain))


def test_an_application_that_does_not_know_the_ca_is_told_what_to_set(plain, foreign):
    why = why_not(plain, foreign.client(with_certificate=False))
    assert why.startswith("its certificate is not trusted (")
    assert why.endswith("name its CA in OTEL_EXPORTER_OTLP_CERTIFICATE")
    plain.wait_for(
        lambda: (
            "a client that does not trust our certificate; give it the CA of --tls-cert" in refusals(plain)
        )
    )


def test_a_client_that_speaks_no_tls_is_logged(plain):
    plain.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    plain.wait_for(
        lambda: "a client that does not speak TLS; its endpoint has to begin with https://" in refusals(plain)
    )


def test_an_application_without_a_certificate_is_told_what_to_set(mutual, files):
    assert why_not(mutual, files.client(with_certificate=False)) == (
        "it wants a client certificate; name yours in OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE "
        "and OTEL_EXPORTER_OTLP_CLIENT_KEY"
    )
    mutual.wait_for(
        lambda: (
            "a client without a certificate; give it one that the CA of --tls-client-ca has signed"
            in refusals(mutual)
        )
    )


def test_a_certificate_of_a_foreign_ca_is_refused_and_said(mutual, files, foreign):
    tls = TLSFiles(str(files.ca_file), str(foreign.client_cert), str(foreign.client_key))
    assert why_not(mutual, tls) == (
        "it does not accept the client certificate (tlsv1 alert unknown ca); name one that its CA has signed in "
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"
    )
    mutual.wait_for(
        lambda: "a client certificate that the CA of --tls-client-ca has not signed" in refusals(mutual)
    )


def test_an_application_with_its_certificate_gets_in(mutual, files, make):
    assert ask(mutual, files.client()).status == 200
    sender = Destination(
        f"https://{NAME}:{mutual.port}",
        pin=KeySet.load(mutual.data / "keys").fingerprint,
        ca_file=str(files.ca_file),
        certificate_file=str(files.client_cert),
        key_file=str(files.client_key),
        timeout_s=5.0,
    )
    payload = make.logs("hello").SerializeToString()
    assert sender.deliver("logs", payload, bytes(16)).kind == "accepted"
    sender.close()


def test_the_reason_reaches_the_status_of_the_application(mutual, files):
    sender = Destination(f"https://{NAME}:{mutual.port}", ca_file=str(files.ca_file), timeout_s=5.0)
    outcome = sender.deliver("traces", b"payload", bytes(16))
    sender.close()
    assert outcome.kind == "retry"
    assert "it wants a client certificate" in outcome.reason


def test_pin_and_doctor_ask_over_tls_and_say_that_a_fingerprint_over_the_network_proves_nothing(
    mutual, files, capsys
):
    url = f"https://{NAME}:{mutual.port}"
    tls = ["--ca", str(files.ca_file), "--cert", str(files.client_cert), "--key", str(files.client_key)]
    assert main(["keys", "pin", url, *tls]) == 0
    out, err = capsys.readouterr()
    assert out == f"TRACEO_SEAL_KEY={KeySet.load(mutual.data / 'keys').fingerprint}\n"
    assert "compare it with `traceo keys pin` on the collector's machine" in err
    assert main(["keys", "doctor", str(mutual.data), "--url", url, *tls]) == 0
    assert f"{url} publishes this key set, serial 1" in capsys.readouterr().out
    assert main(["keys", "pin", url, *tls[:2]]) == 1
    assert "it wants a client certificate" in capsys.readouterr().err


def test_a_renewed_certificate_counts_without_a_restart(start, tmp_path):
    ours = Files(tmp_path / "tls")
    collector = start(tls_cert=ours.cert, tls_key=ours.key)

    def names():
        context = ssl.create_default_context(cafile=ours.ca_file)
        context.check_hostname = False
        with (
            socket.create_connection(("127.0.0.1", collector.port), timeout=5) as raw,
            context.wrap_socket(raw) as secure,
        ):
            return dict(secure.getpeercert())["subjectAltName"]

    assert ("DNS", NAME) in names()
    ours.issue("server", "renewed.test")
    os.utime(ours.cert, (time.time(), time.time() + 2))
    collector.wait_for(lambda: ("DNS", "renewed.test") in names())
    ours.cert.write_text("nonsense")
    os.utime(ours.cert, (time.time(), time.time() + 4))
    collector.wait_for(lambda: any(line["event"] == "tls files not taken up" for line in collector.log))
    assert ("DNS", "renewed.test") in names()


def test_a_proxy_is_asked_for_a_tunnel_and_the_collector_is_authenticated_through_it(
    plain, files, monkeypatch, tunnel
):
    monkeypatch.setenv("https_proxy", tunnel.url)
    monkeypatch.delenv("no_proxy", raising=False)
    assert ask(plain, files.client(with_certificate=False)).status == 200
    assert tunnel.asked == [f"{NAME}:{plain.port}"]
    monkeypatch.setenv("no_proxy", NAME)
    assert ask(plain, files.client(with_certificate=False)).status == 200
    assert len(tunnel.asked) == 1


def test_a_proxy_that_refuses_and_one_that_is_none_are_named(plain, files, monkeypatch, tunnel):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("https_proxy", tunnel.url)
    tunnel.status = b"407 Proxy Authentication Required"
    assert why_not(plain, files.client()) == "the proxy answered 407; see HTTPS_PROXY and NO_PROXY"
    for wrong in ("socks5://127.0.0.1:1080", "https://127.0.0.1:3128", "http://"):
        monkeypatch.setenv("https_proxy", wrong)
        with pytest.raises(ConfigError, match=r"the proxy for https cannot be used \(from HTTPS_PROXY\)"):
            ask(plain, files.client())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"tls_cert": Path("c.pem")}, "--tls-key is missing; a certificate and its key are given together"),
        ({"tls_key": Path("c.key")}, "--tls-cert is missing"),
        ({"tls_client_ca": Path("ca.pem")}, "--tls-client-ca needs TLS: give --tls-cert and --tls-key too"),
        (
            {"tls_cert": Path("c.pem"), "tls_key": Path("c.key"), "plain_http": True},
            "--plain-http and --tls-cert exclude each other",
        ),
        ({"host": "0.0.0.0"}, "0.0.0.0 is not loopback (from --host), and there is no TLS; give --tls-cert"),
        ({"host": "collector.internal"}, "or --plain-http when a proxy in front of the collector ends TLS"),
        ({"key_rotate_s": 86_400.0}, "give a larger --key-days"),
        ({"key_retention_s": -1.0}, "from --key-retention-days"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, given, says):
    with pytest.raises(ConfigError) as caught:
        Settings(data=tmp_path, **given).checked()
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"host": "::1"},
        {"host": "localhost"},
        {"host": "0.0.0.0", "plain_http": True},
        {"host": "0.0.0.0", "tls_cert": Path("c.pem"), "tls_key": Path("c.key")},
    ],
)
def test_options_that_go_together_are_taken(tmp_path, given):
    settings = Settings(data=tmp_path, **given)
    assert settings.checked() is settings


def test_files_that_cannot_be_used_are_named(tmp_path, files, foreign, capsys):
    words = ["collector", "--check-config", "--port", "0", "--data", str(tmp_path / "data")]
    assert main([*words, "--tls-cert", str(files.cert), "--tls-key", str(files.key)]) == 0
    assert main([*words, "--tls-cert", str(files.cert), "--tls-key", str(foreign.key)]) == 2
    said = capsys.readouterr().err
    assert "cannot be used: key values mismatch (from --tls-cert and --tls-key)" in said
    assert main([*words, "--tls-cert", "/nowhere.pem", "--tls-key", str(files.key)]) == 2
    assert "No such file or directory" in capsys.readouterr().err
    tls = ["--tls-cert", str(files.cert), "--tls-key", str(files.key)]
    assert main([*words, *tls, "--tls-client-ca", str(files.key)]) == 2
    assert "(from --tls-client-ca); give a PEM file of certificates" in capsys.readouterr().err
