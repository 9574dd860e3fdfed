import ssl

import pytest
import trustme

from traceo.errors import ConfigError
from traceo.exporters import connection
from traceo.exporters.http import HttpSender, TLSFiles, explain


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A CA, and the paths of its certificate and of a client certificate with its key."""
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    client = ca.issue_cert("client@shop.test")
    client.private_key_pem.write_to_path(folder / "client.key")
    client.cert_chain_pems[0].write_to_path(folder / "client.pem")
    return ca, TLSFiles(str(folder / "ca.pem"), str(folder / "client.pem"), str(folder / "client.key"))


def server_context(ca, *names, newest=ssl.TLSVersion.TLSv1_3, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    ca.issue_cert(*names).configure_cert(context)
    if client_ca is not None:
        client_ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def elsewhere(monkeypatch):
    """Make "collector.test" lead to this machine, as a name server would; TLS then treats it as another host."""
    real = connection.socket.getaddrinfo

    def resolve(host, *arguments, **options):
        return real("127.0.0.1" if host == "collector.test" else host, *arguments, **options)

    monkeypatch.setattr(connection.socket, "getaddrinfo", resolve)
    return "collector.test"


@pytest.fixture
def ask():
    senders = []

    def ask(peer, host, tls):
        senders.append(HttpSender(peer.url(host), {}, 5.0, tls=tls))
        return senders[-1].get("/")

    yield ask
    for sender in senders:
        sender.close()


def test_tls_1_3_with_a_ca_of_ones_own_works(start_peer, answer, authority, elsewhere, ask):
    ca, files = authority
    peer = start_peer(server_context(ca, elsewhere))
    peer.answers["/"] = answer(200, {}, b"hello")
    assert ask(peer, elsewhere, TLSFiles(files.ca)).body == b"hello"
    assert peer.arrived[0].headers["host"] == f"{elsewhere}:{peer.port}"


def why_not(ask, peer, host, tls):
    with pytest.raises(OSError) as caught:
        ask(peer, host, tls)
    assert peer.arrived == []
    return explain(caught.value)


def test_tls_1_2_is_refused(start_peer, authority, elsewhere, ask):
    ca, files = authority
    peer = start_peer(server_context(ca, elsewhere, newest=ssl.TLSVersion.TLSv1_2))
    assert (
        why_not(ask, peer, elsewhere, TLSFiles(files.ca))
        == "it does not offer TLS 1.3; switch TLS 1.3 on there"
    )


def test_a_foreign_ca_is_refused(start_peer, authority, elsewhere, ask):
    _, files = authority
    peer = start_peer(server_context(trustme.CA(), elsewhere))
    why = why_not(ask, peer, elsewhere, TLSFiles(files.ca))
    assert why.startswith("its certificate is not trusted (")
    assert why.endswith("name its CA in OTEL_EXPORTER_OTLP_CERTIFICATE")


def test_a_certificate_for_another_name_is_refused(start_peer, authority, elsewhere, ask):
    ca, files = authority
    peer = start_peer(server_context(ca, "other.test"))
    assert "its certificate is not trusted" in why_not(ask, peer, elsewhere, TLSFiles(files.ca))


def test_a_missing_client_certificate_is_named(start_peer, authority, elsewhere, ask):
    ca, files = authority
    peer = start_peer(server_context(ca, elsewhere, client_ca=ca))
    assert "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" in why_not(ask, peer, elsewhere, TLSFiles(files.ca))


def test_a_client_certificate_is_shown_when_given(start_peer, answer, authority, elsewhere, ask):
    ca, files = authority
    peer = start_peer(server_context(ca, elsewhere, client_ca=ca))
    peer.answers["/"] = answer(204)
    assert ask(peer, elsewhere, files).status == 204


def test_a_peer_without_tls_is_named(start_peer, authority, elsewhere, ask):
    peer = start_peer()
    peer.scheme = "https"
    assert "does not speak TLS" in why_not(ask, peer, elsewhere, TLSFiles(authority[1].ca))


@pytest.mark.parametrize("files", [TLSFiles("/nowhere/ca.pem"), TLSFiles("", "/nowhere/client.pem", "")])
def test_a_tls_file_that_is_not_there_names_its_setting(files):
    with pytest.raises(ConfigError, match="OTEL_EXPORTER_OTLP_CERTIFICATE"):
        HttpSender("https://collector.test", {}, 5.0, tls=files)
