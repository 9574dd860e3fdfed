import stat

import pytest

from traceo.exporters import connection
from traceo.exporters.destination import Destination, Outcome
from traceo.sealing import KeySet

KEYS = "/api/traceo/keys"


@pytest.fixture(scope="module")
def key_set():
    return KeySet.create()


@pytest.fixture(scope="module")
def other_set():
    return KeySet.create()


@pytest.fixture
def collector(peer, answer, key_set):
    peer.answers[KEYS] = answer(200, {}, key_set.publish())
    peer.answers["/v1/traces"] = answer(200)
    return peer


@pytest.fixture
def deliver():
    """Deliver one batch as a new process would."""

    def deliver(endpoint, **options):
        destination = Destination(endpoint, timeout_s=5.0, **options)
        try:
            return destination.deliver("traces", b"payload", bytes(16))
        finally:
            destination.close()

    return deliver


@pytest.fixture
def elsewhere(monkeypatch, collector):
    """The collector under a name that is not this machine's."""
    real = connection.socket.getaddrinfo

    def resolve(host, *arguments, **options):
        return real("127.0.0.1" if host == "collector.test" else host, *arguments, **options)

    monkeypatch.setattr(connection.socket, "getaddrinfo", resolve)
    return collector.url("collector.test")


def posts(peer):
    return [request for request in peer.arrived if request.method == "POST"]


def test_a_collector_elsewhere_must_be_pinned_and_the_reason_gives_the_pin(
    collector, elsewhere, deliver, key_set
):
    outcome = deliver(elsewhere)
    assert outcome == Outcome.retry(
        f"{elsewhere}: not sealed to: it is not on this machine and its signing key is not pinned; compare the "
        "fingerprint with what `traceo keys pin` says there, or the seal_key that it logs when it is ready, and set "
        f"TRACEO_SEAL_KEY={key_set.fingerprint}"
    )
    assert posts(collector) == []
    assert deliver(elsewhere, pin=key_set.fingerprint) == Outcome.accepted()


def test_what_was_pinned_once_is_not_trusted_without_the_pin(
    collector, elsewhere, deliver, key_set, tmp_path
):
    assert deliver(elsewhere, pin=key_set.fingerprint, state_dir=tmp_path) == Outcome.accepted()
    assert "is not pinned" in deliver(elsewhere, state_dir=tmp_path).reason
    assert len(posts(collector)) == 1


def test_a_wrong_pin_is_refused_even_on_this_machine(collector, deliver, key_set, other_set):
    outcome = deliver(collector.url(), pin=other_set.fingerprint)
    assert outcome.kind == "retry"
    assert f"signed by {key_set.fingerprint}, but {other_set.fingerprint} is pinned" in outcome.reason
    assert posts(collector) == []


def test_trust_on_first_use_is_remembered_in_a_private_file(collector, deliver, answer, other_set, tmp_path):
    assert deliver(collector.url(), state_dir=tmp_path / "state") == Outcome.accepted()
    [memory] = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(memory.stat().st_mode) == 0o600
    collector.answers[KEYS] = answer(200, {}, other_set.publish())
    # What is remembered and not expired is used without asking; the collector cannot open it and says so. Once it
    # has expired, the collector is asked first. Either way its new signer is not believed and the batch is kept.
    collector.answers["/v1/traces"] = answer(400)
    for document in (b'"document":"{', b'"document":"['):
        memory.write_bytes(memory.read_bytes().replace(b'"document":"{', document))
        outcome = deliver(collector.url(), state_dir=tmp_path / "state")
        assert outcome.kind == "retry"
        assert f"now signed by {other_set.fingerprint}" in outcome.reason
        assert f"remove {memory}" in outcome.reason
    memory.unlink()
    collector.answers["/v1/traces"] = answer(200)
    assert deliver(collector.url(), state_dir=tmp_path / "state") == Outcome.accepted()


def test_within_a_process_the_signer_may_not_change(collector, answer, key_set, other_set):
    destination = Destination(collector.url())
    assert destination.deliver("traces", b"payload", bytes(16)) == Outcome.accepted()
    trust = destination._peers[collector.url()].trust
    with pytest.raises(Exception, match="restart this process"):
        trust.accept(other_set.publish())
    assert trust.keys.fingerprint == key_set.fingerprint
    destination.close()


def test_batches_are_kept_when_a_collector_comes_back_with_other_keys(collector, answer, key_set, other_set):
    destination = Destination(collector.url())
    assert destination.deliver("traces", b"payload", bytes(16)) == Outcome.accepted()
    collector.answers[KEYS] = answer(200, {}, other_set.publish())
    collector.answers["/v1/traces"] = answer(400)
    outcomes = [destination.deliver("traces", b"payload", bytes(16)) for _ in range(3)]
    assert [outcome.kind for outcome in outcomes] == ["retry"] * 3
    assert "restart this process" in outcomes[-1].reason
    collector.answers[KEYS] = answer(200, {}, key_set.publish())
    collector.answers["/v1/traces"] = answer(200)
    assert destination.deliver("traces", b"payload", bytes(16)) == Outcome.accepted()
    destination.close()


def test_an_older_key_set_of_the_same_signer_is_refused(collector, deliver, answer, key_set, tmp_path):
    newer = key_set.with_keys(key_set.keys)
    collector.answers[KEYS] = answer(200, {}, newer.publish())
    destination = Destination(collector.url())
    assert destination.deliver("traces", b"payload", bytes(16)) == Outcome.accepted()
    with pytest.raises(Exception, match="older than the one seen before"):
        destination._peers[collector.url()].trust.accept(key_set.publish())
    destination.close()


def test_an_expired_or_altered_key_set_is_refused(collector, deliver, answer, key_set):
    collector.answers[KEYS] = answer(200, {}, key_set.publish(now_s=0))
    assert "expired, or this machine's clock is wrong" in deliver(collector.url()).reason
    collector.answers[KEYS] = answer(200, {}, key_set.publish().replace(b'"signature":"', b'"signature":"AA'))
    assert "signature" in deliver(collector.url()).reason or "malformed" in deliver(collector.url()).reason
    assert posts(collector) == []


@pytest.mark.parametrize("content", [b"", b"{}", b"[1", b"\xff" * 100])
def test_a_damaged_memory_is_as_none(collector, deliver, tmp_path, content):
    assert deliver(collector.url(), state_dir=tmp_path) == Outcome.accepted()
    [memory] = tmp_path.iterdir()
    memory.write_bytes(content)
    assert deliver(collector.url(), state_dir=tmp_path) == Outcome.accepted()


def test_a_folder_that_cannot_be_written_does_not_stop_delivery(collector, deliver, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert deliver(collector.url(), state_dir=tmp_path / "file") == Outcome.accepted()
