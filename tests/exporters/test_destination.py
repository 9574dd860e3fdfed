import gzip
import os
import socket
import threading
import time
from collections import deque

import msgspec
import pytest
from backports import zstd

from traceo.exporters.destination import Destination, DestinationStatus, Outcome, Package
from traceo.sealing import CONTENT_TYPE, EpochKey, KeySet, KeyState, open_batch

PAYLOAD = b"an OTLP message " * 20
BATCH_ID = bytes(range(16))
KEYS = "/api/traceo/keys"


@pytest.fixture(scope="module")
def key_set():
    return KeySet.create()


@pytest.fixture
def collector(peer, answer, key_set):
    """A peer that publishes a key set and accepts traces and logs."""
    peer.answers[KEYS] = answer(200, {"Accept-Encoding": "zstd, gzip"}, key_set.publish())
    peer.answers["/v1/traces"] = peer.answers["/v1/logs"] = answer(200)
    return peer


@pytest.fixture
def destination_to():
    made = []

    def destination_to(endpoint, **options):
        made.append(Destination(endpoint, **{"timeout_s": 5.0, **options}))
        return made[-1]

    yield destination_to
    for destination in made:
        destination.close()


def paths(peer):
    return [(request.method, request.path) for request in peer.arrived]


def plain_bodies(peer):
    return [request for request in peer.arrived if request.method == "POST" and b"OTLP" in request.body]


def test_a_collector_on_this_machine_gets_sealed_batches(collector, destination_to, key_set):
    destination = destination_to(collector.url(), tenant="acme")
    assert destination.deliver("traces", PAYLOAD, BATCH_ID) == Outcome.accepted()
    assert destination.deliver("logs", PAYLOAD, bytes(16)) == Outcome.accepted()
    assert paths(collector) == [("GET", KEYS), ("POST", "/v1/traces"), ("POST", "/v1/logs")]
    traces, logs = collector.arrived[1:]
    assert traces.headers["content-type"] == CONTENT_TYPE
    assert "content-encoding" not in traces.headers
    opened = open_batch(traces.body, key_set.private_keys())
    assert zstd.decompress(opened.body) == PAYLOAD
    shown = msgspec.structs.asdict(opened.header)
    assert abs(shown.pop("timestamp_ns") - time.time_ns()) < 60e9
    assert shown == {
        "content_type": "application/x-protobuf",
        "content_encoding": "zstd",
        "batch_id": BATCH_ID,
        "tenant": "acme",
        "signal": "traces",
    }
    assert open_batch(logs.body, key_set.private_keys()).header.signal == "logs"
    assert destination.status() == DestinationStatus(
        collector.url(), "sealed", "zstd", key_set.fingerprint, "X_WING"
    )


@pytest.mark.parametrize("status", [404, 405, 400, 401, 403, 302, 200])
def test_any_other_otlp_endpoint_gets_plain_protobuf(peer, answer, destination_to, status):
    peer.answers[KEYS] = answer(status, {"Location": "/elsewhere"}, b"<html>hello</html>")
    peer.answers["/v1/traces"] = answer(200)
    destination = destination_to(peer.url())
    assert destination.deliver("traces", PAYLOAD, BATCH_ID) == Outcome.accepted()
    assert destination.deliver("traces", PAYLOAD, BATCH_ID) == Outcome.accepted()
    assert paths(peer) == [("GET", KEYS), ("POST", "/v1/traces"), ("POST", "/v1/traces")]
    request = peer.arrived[1]
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["content-encoding"] == "gzip"
    assert gzip.decompress(request.body) == PAYLOAD
    assert destination.status() == DestinationStatus(peer.url(), "plain", "gzip")


def test_a_plain_endpoint_that_announces_zstd_gets_it_until_it_says_no(peer, answer, destination_to):
    peer.answers[KEYS] = answer(404, {"Accept-Encoding": "zstd"})
    peer.answers["/v1/traces"] = deque([answer(200), answer(415), answer(200)])
    destination = destination_to(peer.url())
    for _ in range(2):
        assert destination.deliver("traces", PAYLOAD, BATCH_ID) == Outcome.accepted()
    encodings = [request.headers["content-encoding"] for request in peer.arrived[1:]]
    assert encodings == ["zstd", "zstd", "gzip"]


def test_seal_off_asks_for_no_keys_and_sends_plain_even_to_a_collector(collector, destination_to):
    destination = destination_to(collector.url(), seal="off")
    assert destination.deliver("traces", PAYLOAD, BATCH_ID) == Outcome.accepted()
    assert paths(collector) == [("POST", "/v1/traces")]


@pytest.mark.parametrize("options", [{"seal": "required"}, {"pin": "sha256:some-fingerprint"}])
@pytest.mark.parametrize("status", [404, 200])
def test_nothing_leaves_unsealed_when_sealing_is_required_or_pinned(
    peer, answer, destination_to, options, status
):
    peer.answers[KEYS] = answer(status, {}, b"<html>")
    peer.answers["/v1/traces"] = answer(200)
    outcome = destination_to(peer.url(), **options).deliver("traces", PAYLOAD, BATCH_ID)
    assert outcome.kind == "retry"
    assert outcome.reason == f"{peer.url()}: it offers no sealing keys, and nothing may go there unsealed"
    assert paths(peer) == [("GET", KEYS)]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_nothing_leaves_while_the_endpoint_does_not_say_what_it_is(peer, answer, destination_to, status):
    peer.answers[KEYS] = answer(status, {"Retry-After": "7"})
    outcome = destination_to(peer.url()).deliver("traces", PAYLOAD, BATCH_ID)
    assert outcome == Outcome.retry(
        f"{peer.url()}: it answered {status} when asked for its keys", after_s=7.0
    )
    assert paths(peer) == [("GET", KEYS)]


def test_a_collector_that_stops_publishing_keys_never_gets_plaintext(
    collector, answer, destination_to, tmp_path
):
    assert (
        destination_to(collector.url(), state_dir=tmp_path).deliver("traces", PAYLOAD, BATCH_ID).kind
        == "accepted"
    )
    collector.answers[KEYS] = answer(404)
    # A new process that remembers, long after the document it holds has expired.
    [memory] = tmp_path.iterdir()
    remembered = msgspec.json.decode(memory.read_bytes())
    remembered["document"] = KeySet.create().publish(now_s=0).decode()
    memory.write_bytes(msgspec.json.encode(remembered))
    outcome = destination_to(collector.url(), state_dir=tmp_path).deliver("traces", PAYLOAD, BATCH_ID)
    assert outcome.kind == "retry"
    assert plain_bodies(collector) == []


def test_an_unreachable_endpoint_is_a_retry_and_is_looked_at_again(start_peer, answer, destination_to):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    destination = destination_to(f"http://127.0.0.1:{port}")
    outcome = Outcome.retry(f"http://127.0.0.1:{port}: nothing listens there")
    assert destination.deliver("traces", PAYLOAD, BATCH_ID) == outcome
    assert destination.status() == DestinationStatus(f"http://127.0.0.1:{port}", "unknown")


def test_a_plain_endpoint_that_went_away_may_come_back_as_a_collector(peer, answer, destination_to, key_set):
    peer.answers["/v1/traces"] = deque([answer(200), None, answer(200)])
    destination = destination_to(peer.url(), timeout_s=0.3)
    assert destination.deliver("traces", PAYLOAD, BATCH_ID).kind == "accepted"
    assert destination.deliver("traces", PAYLOAD, BATCH_ID).kind == "retry"
    peer.answers[KEYS] = answer(200, {}, key_set.publish())
    assert destination.deliver("traces", PAYLOAD, BATCH_ID).kind == "accepted"
    assert peer.arrived[-1].headers["content-type"] == CONTENT_TYPE


def test_a_plain_package_made_earlier_is_not_sent_to_a_collector(collector, answer, destination_to):
    package = Package(
        signal="traces",
        body=PAYLOAD,
        content_type="application/x-protobuf",
        content_encoding="",
        raw_bytes=len(PAYLOAD),
        batch_id=BATCH_ID,
    )
    outcome = destination_to(collector.url()).send(package)
    assert (outcome.kind, outcome.reseal) == ("retry", True)
    assert plain_bodies(collector) == []


def test_a_sealed_package_can_be_sent_later_by_another_process(collector, destination_to, key_set):
    package = destination_to(collector.url()).package("traces", PAYLOAD, BATCH_ID)
    assert (package.raw_bytes, package.sealed_to) == (len(PAYLOAD), key_set.recipient().kid)
    assert destination_to(collector.url()).send(package) == Outcome.accepted()


def test_new_keys_of_the_collector_are_fetched_when_it_refuses_the_old_ones(
    collector, answer, destination_to, key_set
):
    destination = destination_to(collector.url())
    destination.deliver("traces", PAYLOAD, BATCH_ID)
    now_s = int(time.time())
    rotated = key_set.with_keys(
        [
            key_set.primary().to(KeyState.DECRYPT_ONLY, now_s=now_s),
            EpochKey.generate(KeyState.PRIMARY, now_s=now_s),
        ]
    )
    collector.answers[KEYS] = answer(200, {}, rotated.publish())
    collector.answers["/v1/traces"] = deque([answer(400), answer(200)])
    assert destination.deliver("traces", PAYLOAD, BATCH_ID) == Outcome.accepted()
    assert paths(collector)[2:] == [("POST", "/v1/traces"), ("GET", KEYS), ("POST", "/v1/traces")]
    assert open_batch(collector.arrived[-1].body, rotated.private_keys()).kid == rotated.recipient().kid


def test_headers_and_api_key_go_with_every_request(collector, destination_to):
    destination_to(collector.url(), headers={"X-Tenant": "a"}, api_key="key-1").deliver(
        "traces", PAYLOAD, BATCH_ID
    )
    for request in collector.arrived:
        assert (request.headers["x-tenant"], request.headers["authorization"]) == ("a", "Bearer key-1")
    destination_to(collector.url(), headers={"Authorization": "Basic x"}, api_key="key-1").deliver(
        "traces", PAYLOAD, BATCH_ID
    )
    assert collector.arrived[-1].headers["authorization"] == "Basic x"


def test_a_base_path_and_an_endpoint_per_signal_are_respected(start_peer, answer, destination_to):
    base, logs = start_peer(), start_peer()
    base.answers["/otlp/v1/traces"] = answer(200)
    logs.answers["/ingest?source=app"] = answer(200)
    destination = destination_to(
        base.url() + "/otlp/", signal_endpoints={"logs": logs.url() + "/ingest?source=app"}
    )
    assert destination.deliver("traces", PAYLOAD, BATCH_ID).kind == "accepted"
    assert destination.deliver("logs", PAYLOAD, BATCH_ID).kind == "accepted"
    assert paths(base) == [("GET", "/otlp" + KEYS), ("POST", "/otlp/v1/traces")]
    assert paths(logs) == [("GET", KEYS), ("POST", "/ingest?source=app")]


def test_an_endpoint_per_signal_with_the_usual_path_shares_the_base(collector, destination_to):
    destination = destination_to(collector.url(), signal_endpoints={"traces": collector.url() + "/v1/traces"})
    assert destination.deliver("traces", PAYLOAD, BATCH_ID).kind == "accepted"
    assert destination.deliver("logs", PAYLOAD, BATCH_ID).kind == "accepted"
    assert paths(collector) == [("GET", KEYS), ("POST", "/v1/traces"), ("POST", "/v1/logs")]


def test_close_ends_a_delivery_under_way(collector, destination_to):
    collector.answers["/v1/traces"] = None
    destination = destination_to(collector.url(), timeout_s=60.0)
    outcomes = []
    thread = threading.Thread(
        target=lambda: outcomes.append(destination.deliver("traces", PAYLOAD, BATCH_ID))
    )
    thread.start()
    deadline = time.monotonic() + 10
    while len(collector.arrived) < 2 and time.monotonic() < deadline:
        thread.join(0.005)
    destination.close()
    thread.join(5)
    assert [outcome.kind for outcome in outcomes] == ["retry"]
    assert destination.deliver("traces", PAYLOAD, BATCH_ID) == Outcome.retry("closed")


def test_a_wrong_endpoint_or_tls_file_is_an_outcome_and_not_an_exception(destination_to):
    for destination in (destination_to("nonsense"), destination_to("https://x.test", ca_file="/nowhere")):
        assert destination.deliver("traces", PAYLOAD, BATCH_ID).kind == "retry"


def test_user_info_of_an_endpoint_does_not_show(destination_to):
    destination = destination_to("http://user:secret@127.0.0.1:9")
    outcome = destination.deliver("traces", PAYLOAD, BATCH_ID)
    assert "secret" not in outcome.reason + str(destination.status())


def test_a_forked_child_delivers_on_its_own(collector, destination_to, key_set):
    destination = destination_to(collector.url())
    destination.deliver("traces", PAYLOAD, BATCH_ID)
    child = os.fork()
    if child == 0:
        accepted = False
        try:
            accepted = destination.deliver("traces", PAYLOAD, bytes(16)) == Outcome.accepted()
        finally:
            os._exit(0 if accepted else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert destination.deliver("traces", PAYLOAD, BATCH_ID) == Outcome.accepted()
    assert len({request.port for request in collector.arrived}) == 2
