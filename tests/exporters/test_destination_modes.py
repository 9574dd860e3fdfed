"""Whom a batch is sealed to, and that no setting lets one out in the clear."""

import os
import time

import pytest

from traceo.errors import ConfigError, TrustError
from traceo.exporters import connection
from traceo.exporters.destination import Destination, Outcome
from traceo.sealing import KeySet, PrivateKeys, open_batch
from traceo.sealing.recipients import KeySetFile, SealTo

KEYS, TABLE = "/api/traceo/keys", "/api/traceo/subject-keys"


@pytest.fixture(scope="module")
def key_set():
    return KeySet.create()


@pytest.fixture(scope="module")
def team():
    return KeySet.create()


@pytest.fixture
def team_file(tmp_path, team):
    path = tmp_path / "team.jws"
    path.write_bytes(team.publish())
    return path


@pytest.fixture
def collector(peer, answer, key_set):
    peer.answers[KEYS] = answer(200, {}, key_set.publish())
    for path in ("/v1/traces", "/v1/logs", TABLE):
        peer.answers[path] = answer(200)
    return peer


@pytest.fixture
def elsewhere(monkeypatch, collector):
    """The collector under a name that is not this machine's."""
    real = connection.socket.getaddrinfo

    def resolve(host, *arguments, **options):
        return real("127.0.0.1" if host == "collector.test" else host, *arguments, **options)

    monkeypatch.setattr(connection.socket, "getaddrinfo", resolve)
    return collector.url("collector.test")


@pytest.fixture
def deliver():
    def deliver(endpoint, signal="traces", **options):
        destination = Destination(endpoint, timeout_s=5.0, **options)
        try:
            return destination.deliver(signal, b"[]", bytes(16))
        finally:
            destination.close()

    return deliver


def posts(peer):
    return [request for request in peer.arrived if request.method == "POST"]


def opens(request, key_set):
    return open_batch(request.body, key_set.private_keys()).header.batch_id == bytes(16)


def test_a_setting_names_pins_files_and_the_collector():
    assert SealTo.parse("") == SealTo()
    assert SealTo.parse("sha256:abc") == SealTo(collector=True, pin="sha256:abc")
    assert SealTo.parse("collector, /a ,/b") == SealTo(collector=True, files=("/a", "/b"))
    assert SealTo.parse("/a") == SealTo(collector=False, files=("/a",))
    with pytest.raises(ConfigError, match="two fingerprints"):
        SealTo.parse("sha256:a,sha256:b")


def test_two_fingerprints_keep_the_batch_and_say_why(collector, deliver):
    outcome = deliver(collector.url(), pin="sha256:a,sha256:b")
    assert outcome == Outcome.retry("seal_key has two fingerprints; a collector has one")


def test_a_teams_batch_needs_no_trust_in_the_collector(
    collector, elsewhere, deliver, team_file, team, key_set
):
    assert deliver(elsewhere, pin=str(team_file)) == Outcome.accepted()
    [request] = posts(collector)
    assert opens(request, team)
    with pytest.raises(Exception, match="does not open"):
        opens(request, key_set)


def test_pinned_collector_and_escrow_are_both_recipients(
    collector, elsewhere, deliver, team_file, team, key_set
):
    assert deliver(elsewhere, pin=f"{key_set.fingerprint},{team_file}") == Outcome.accepted()
    [request] = posts(collector)
    assert opens(request, team)
    assert opens(request, key_set)


@pytest.mark.parametrize("whom", ["{file}", "collector,{file}", "sha256:abc,{file}"])
def test_an_endpoint_that_is_no_collector_gets_nothing_that_is_sealed_to_a_file(
    peer, deliver, team_file, whom
):
    outcome = deliver(peer.url(), pin=whom.format(file=team_file))
    assert outcome.kind == "retry"
    assert posts(peer) == []


def test_the_reason_says_how_to_go_through_another_collector(peer, deliver, team_file):
    outcome = deliver(peer.url(), pin=str(team_file))
    assert outcome.reason.endswith("it is no Traceo collector; to seal through it, set TRACEO_SEAL=carrier")


def test_a_carrier_goes_to_any_endpoint_without_asking_it(peer, answer, deliver, team_file, team):
    peer.answers["/v1/logs"] = answer(200)
    assert deliver(peer.url(), seal="carrier", pin=str(team_file)) == Outcome.accepted()
    [request] = peer.arrived
    assert (request.method, request.path) == ("POST", "/v1/logs")
    assert request.headers["content-type"] == "application/x-protobuf"


@pytest.mark.parametrize("status", [400, 404, 415])
def test_a_carrier_that_is_refused_is_not_asked_about(peer, answer, deliver, team_file, status):
    peer.answers["/v1/logs"] = answer(status)
    outcome = deliver(peer.url(), seal="carrier", pin=str(team_file))
    assert (outcome.kind, outcome.status) == ("refused", status)
    assert [request.path for request in peer.arrived] == ["/v1/logs"]


def test_rows_are_not_sent_in_the_clear_to_a_collector_elsewhere_that_is_not_pinned(
    collector, elsewhere, deliver, team_file, key_set
):
    outcome = deliver(elsewhere, "keys", pin=str(team_file))
    assert outcome.kind == "retry"
    assert outcome.reason.endswith("keys of sealed values are not sent in the clear; pin the collector")
    assert posts(collector) == []
    assert deliver(elsewhere, "keys", pin=f"{key_set.fingerprint},{team_file}") == Outcome.accepted()
    [request] = posts(collector)
    assert (request.path, request.headers["content-type"]) == (
        TABLE,
        'application/cose; cose-type="cose-encrypt"',
    )


def test_a_key_set_file_is_read_again_when_it_changes(tmp_path, team):
    path = tmp_path / "team.jws"
    file = KeySetFile(path)
    with pytest.raises(TrustError, match=r"team\.jws cannot be read"):
        file.recipient()
    path.write_bytes(team.publish())
    assert file.recipient() == team.recipient()
    newer = KeySet.create()
    path.write_bytes(newer.publish())
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 1))
    assert file.recipient() == newer.recipient()
    assert file.recipient().kid in PrivateKeys([newer.primary().secret])


def test_an_expired_key_set_is_not_sealed_to(tmp_path, team):
    path = tmp_path / "team.jws"
    path.write_bytes(team.publish(now_s=time.time() - 10, valid_s=5))
    with pytest.raises(TrustError, match=r"has expired.*; publish the key set again"):
        KeySetFile(path).recipient()
    path.write_bytes(team.publish(valid_s=1))
    file = KeySetFile(path)
    file.recipient()
    file._keys = type(file._keys)(file._keys.fingerprint, 1, 0, int(time.time()) - 1, file._keys.keys)
    with pytest.raises(TrustError, match=r"the key set has expired; publish it again"):
        file.recipient()
