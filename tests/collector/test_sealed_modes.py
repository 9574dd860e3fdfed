"""Who can read a batch, by how it was sealed: the collector, a team, both; bare, signed, or inside a carrier."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from traceo.exporters.destination import Destination
from traceo.exporters.outcome import Outcome
from traceo.sealing import KeySet, SenderKey, base64url, cbor, open_batch, rewrap_batch

COSE = 'application/cose; cose-type="cose-encrypt"'


@pytest.fixture
def team(tmp_path):
    return KeySet.create()


@pytest.fixture
def published(tmp_path):
    """Writes a key set's public document into a file; the file's name."""

    def write(key_set, name="team"):
        path = tmp_path / f"{name}.json"
        path.write_bytes(key_set.publish())
        return str(path)

    return write


@pytest.fixture
def join(published):
    """Makes a team known to a collector."""

    def make_known(collector, key_set, name="billing"):
        (collector.data / "teams").mkdir(exist_ok=True)
        (collector.data / "teams" / f"{name}.json").write_bytes(key_set.publish())

    return make_known


@pytest.fixture
def own_keys(collector, tmp_path):
    """A file with what the collector publishes."""
    path = tmp_path / "collector.json"
    path.write_bytes(collector.get("/api/traceo/keys").body)
    return str(path)


@pytest.fixture
def destined():
    """Makes destinations and closes them."""
    made = []

    def make(url, **settings):
        made.append(Destination(url, **settings))
        return made[-1]

    yield make
    for destination in made:
        destination.close()


@pytest.fixture
def packaged(make, destined):
    """What a sender has ready to send, and its trace id."""
    numbers = iter(range(1, 1000))

    def package(collector, signal="traces", **settings):
        number = next(numbers) + hash(str(collector.data)) % 2**32
        request = make.traces(make.span(number, number))
        destination = destined(collector.url, **settings)
        made = destination.package(signal, request.SerializeToString())
        assert not isinstance(made, Outcome), made.reason
        return made, make.trace_id(number), destination

    return package


def sealed_batches(collector, query=""):
    return collector.get(f"/api/traceo/sealed{query}").json["batches"]


def is_stored(collector, trace_id):
    return collector.get(f"/api/traceo/traces/{trace_id}").status == 200


def test_a_batch_for_a_team_is_stored_unread_and_opens_at_the_teams(start, team, published, join, packaged):
    collector = start()
    join(collector, team)
    package, trace_id, destination = packaged(collector, pin=published(team), tenant="acme")
    assert destination.send(package) == Outcome.accepted()
    assert destination.status().mode == "sealed"
    assert not is_stored(collector, trace_id)
    [found] = sealed_batches(collector)
    assert found == {
        "id": package.batch_id.hex(),
        "received_unix_nano": found["received_unix_nano"],
        "team": "billing",
        "tenant": "acme",
        "signal": "traces",
        "size": len(package.body),
    }
    answer = collector.get(f"/api/traceo/sealed/{found['id']}")
    assert (answer.headers["content-type"], answer.body) == (COSE, package.body)
    opened = open_batch(answer.body, team.private_keys())
    assert opened.header.signal == "traces"


def test_a_team_batch_that_comes_again_is_accepted_and_kept_once_over_a_restart(
    start, team, published, join, packaged
):
    collector = start()
    join(collector, team)
    package, _, destination = packaged(collector, pin=published(team))
    assert [destination.send(package) for _ in range(2)] == [Outcome.accepted()] * 2
    collector.restart()
    assert collector.post("/v1/traces", package.body, COSE).status == 200
    assert len(sealed_batches(collector)) == 1


def test_sealed_batches_are_found_by_their_header_page_by_page(start, team, published, join, packaged):
    collector = start()
    other = KeySet.create()
    join(collector, team)
    join(collector, other, "search")
    ids = []
    for key_set, tenant in ((team, "a"), (team, "b"), (other, "a")):
        package, _, destination = packaged(collector, pin=published(key_set), tenant=tenant)
        assert destination.send(package).kind == "accepted"
        ids.append(package.batch_id.hex())

    def found(query):
        return [batch["id"] for batch in sealed_batches(collector, query)]

    assert found("") == ids
    assert found("?team=search") == ids[2:]
    assert found("?tenant=a") == [ids[0], ids[2]]
    assert found("?signal=logs") == []
    first = collector.get("/api/traceo/sealed?limit=2").json
    assert [batch["id"] for batch in first["batches"]] == ids[:2]
    assert found(f"?limit=2&cursor={first['next']}") == ids[2:]
    for query in ("?limit=0", "?limit=x", "?cursor=x.y", "?shape=round"):
        assert collector.get(f"/api/traceo/sealed{query}").status == 400
    assert collector.get(f"/api/traceo/sealed/{'0' * 32}").status == 404
    assert collector.get("/api/traceo/sealed/..%2fkeys").status == 404
    assert collector.request("PUT", "/api/traceo/sealed").status == 404


def test_a_batch_for_nobody_we_know_is_refused_and_not_stored(collector, team, published, packaged):
    package, _, destination = packaged(collector, pin=published(team))
    outcome = destination.send(package)
    assert (outcome.kind, outcome.status) == ("refused", 400)
    assert sealed_batches(collector) == []


def test_a_team_batch_sent_as_another_signal_is_refused(start, team, published, join, packaged):
    collector = start()
    join(collector, team)
    package, _, _ = packaged(collector, pin=published(team))
    assert collector.post("/v1/logs", package.body, COSE).status == 400
    assert sealed_batches(collector) == []


def test_collector_and_escrow_both_read_what_is_sealed_to_both(collector, team, published, packaged):
    package, trace_id, destination = packaged(collector, pin=f"collector,{published(team)}")
    assert destination.send(package) == Outcome.accepted()
    assert is_stored(collector, trace_id)
    assert open_batch(package.body, team.private_keys()).header.batch_id == package.batch_id


def test_a_team_can_hand_a_batch_on_to_the_collector(collector, team, published, packaged):
    package, trace_id, _ = packaged(collector, pin=published(team))
    own = KeySet.load(collector.data / "keys")
    moved = rewrap_batch(package.body, team.private_keys(), recipients=[own.recipient()])
    assert collector.post("/v1/traces", moved, COSE).status == 200
    assert is_stored(collector, trace_id)


def test_nothing_is_sealed_to_a_key_set_that_is_missing_or_no_key_set(collector, destined, tmp_path):
    (tmp_path / "bad.json").write_text("{}")
    for name, why in (("none.json", "cannot be read: No such file or directory"), ("bad.json", "malformed")):
        outcome = destined(collector.url, pin=str(tmp_path / name)).package("traces", b"")
        assert outcome.kind == "retry"
        assert str(tmp_path / name) in outcome.reason
        assert why in outcome.reason


# carriers


def merged(*bodies, extra=None):
    """What an OpenTelemetry Collector makes of several requests: one."""
    whole = ExportLogsServiceRequest()
    for body in bodies:
        whole.MergeFromString(body)
    if extra is not None:
        whole.MergeFrom(extra)
    return whole


def as_json(request):
    """OTLP/JSON of a request of carriers, written by hand: bytes are base64."""
    records = [
        {
            "timeUnixNano": str(record.time_unix_nano),
            "body": {"bytesValue": base64.b64encode(record.body.bytes_value).decode()},
            "eventName": record.event_name,
        }
        for of_resource in request.resource_logs
        for of_scope in of_resource.scope_logs
        for record in of_scope.log_records
    ]
    scope = {"scope": {"name": "traceo.carrier"}, "logRecords": records}
    return json.dumps({"resourceLogs": [{"scopeLogs": [scope]}]}).encode()


def test_a_carrier_is_a_log_whose_body_shows_nothing(collector, own_keys, packaged):
    package, _, destination = packaged(collector, seal="carrier", pin=own_keys)
    request = ExportLogsServiceRequest.FromString(package.body)
    [record] = request.resource_logs[0].scope_logs[0].log_records
    assert (package.signal, package.content_type) == ("logs", "application/x-protobuf")
    assert record.event_name == "traceo.carrier"
    opened = open_batch(record.body.bytes_value, KeySet.load(collector.data / "keys").private_keys())
    assert (opened.header.signal, opened.header.batch_id) == ("traces", package.batch_id)
    assert b"GET /" not in package.body
    assert destination.status().mode == "carrier"


@pytest.mark.parametrize("json_form", [False, True])
def test_a_carrier_is_unpacked_behind_another_collector_and_stored_once(
    collector, own_keys, packaged, json_form
):
    before = collector.stored()
    package, trace_id, _ = packaged(collector, seal="carrier", pin=own_keys)
    other, other_id, _ = packaged(collector, seal="carrier", pin=own_keys)
    request = merged(package.body, other.body)
    for _ in range(2):
        if json_form:
            answer = collector.post("/v1/logs", as_json(request), "application/json")
        else:
            answer = collector.post("/v1/logs", request.SerializeToString())
        assert answer.status == 200
    assert is_stored(collector, trace_id)
    assert is_stored(collector, other_id)
    assert collector.stored() == (before[0] + 2, before[1])


def test_logs_beside_a_carrier_are_stored_and_a_strangers_carrier_is_counted(
    collector, own_keys, packaged, team, published, make
):
    spans, logs = collector.stored()
    package, trace_id, _ = packaged(collector, seal="carrier", pin=own_keys)
    stranger, _, _ = packaged(collector, seal="carrier", pin=published(team))
    request = merged(package.body, stranger.body, extra=make.logs("hello", "world"))
    answer = collector.post("/v1/logs", request.SerializeToString())
    partial = ExportLogsServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_log_records) == (200, 1)
    assert partial.error_message == "sealed batches that no key here opens are not stored"
    assert is_stored(collector, trace_id)
    assert collector.stored() == (spans + 1, logs + 2)


def test_what_is_stored_beside_a_carrier_survives_a_crash(start, packaged, make, tmp_path):
    collector = start()
    path = tmp_path / "own.json"
    path.write_bytes(collector.get("/api/traceo/keys").body)
    package, trace_id, _ = packaged(collector, seal="carrier", pin=str(path))
    request = merged(package.body, extra=make.logs("hello"))
    assert collector.post("/v1/logs", request.SerializeToString()).status == 200
    collector.restart(9)
    assert is_stored(collector, trace_id)
    assert collector.stored() == (1, 1)


def test_a_carrier_for_a_team_is_kept_for_it(start, team, published, join, packaged):
    collector = start()
    join(collector, team)
    package, _, destination = packaged(collector, seal="carrier", pin=published(team))
    assert destination.send(package) == Outcome.accepted()
    assert [batch["id"] for batch in sealed_batches(collector)] == [package.batch_id.hex()]


@pytest.mark.parametrize("body", [b"", b"noise", bytes(50)])
def test_a_carrier_of_noise_is_refused(collector, make, body):
    request = make.logs(body)
    request.resource_logs[0].scope_logs[0].scope.name = "traceo.carrier"
    before = collector.stored()
    answer = collector.post("/v1/logs", request.SerializeToString())
    partial = ExportLogsServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_log_records) == (200, 1)
    assert collector.stored() == before


def test_a_carrier_needs_a_key_set(collector, destined):
    outcome = destined(collector.url, seal="carrier").package("traces", b"")
    assert outcome == Outcome.retry(
        "seal is carrier, which needs a file with a key set: name it in TRACEO_SEAL_KEY"
    )


# signatures


@pytest.fixture
def shop(tmp_path):
    key = SenderKey.generate()
    key.save(tmp_path / "sender.key")
    return key


@pytest.fixture
def strict(start, tmp_path, shop):
    """A collector that knows one sender."""
    data = tmp_path / "data"
    (data / "senders").mkdir(parents=True)
    (data / "senders" / "shop.pub").write_text(base64url.encode(shop.public) + "\n")
    return start(data=data)


def test_a_collector_that_knows_its_senders_takes_sealed_batches_from_them_only(strict, packaged, tmp_path):
    signed, trace_id, destination = packaged(strict, sender_key=str(tmp_path / "sender.key"))
    unsigned, other_id, _ = packaged(strict)
    SenderKey.generate().save(tmp_path / "other.key")
    strangers, another_id, _ = packaged(strict, sender_key=str(tmp_path / "other.key"))
    assert signed.content_type == 'application/cose; cose-type="cose-sign1"'
    assert destination.send(signed) == Outcome.accepted()
    for package in (unsigned, strangers):
        answer = strict.post("/v1/traces", package.body, package.content_type)
        assert (answer.status, answer.json["type"]) == (400, "urn:traceo:problem:sealed-batch-unopenable")
    strict.restart(9)
    assert is_stored(strict, trace_id)
    assert not is_stored(strict, other_id)
    assert not is_stored(strict, another_id)


def test_a_signed_batch_for_a_team_is_checked_before_it_is_kept(
    strict, team, published, join, packaged, tmp_path
):
    join(strict, team)
    signed, _, destination = packaged(strict, pin=published(team), sender_key=str(tmp_path / "sender.key"))
    unsigned, _, _ = packaged(strict, pin=published(team))
    assert strict.post("/v1/traces", unsigned.body, unsigned.content_type).status == 400
    assert destination.send(signed) == Outcome.accepted()
    assert [batch["id"] for batch in sealed_batches(strict)] == [signed.batch_id.hex()]


def test_a_sender_key_that_cannot_be_read_keeps_the_batch(collector, destined, tmp_path):
    outcome = destined(collector.url, sender_key=str(tmp_path / "none")).package("traces", b"")
    assert outcome.kind == "retry"
    assert "not sealed: the key file" in outcome.reason


@pytest.fixture
def victim(collector, packaged):
    return packaged(collector)[0].body


@given(place=st.floats(0, 1, exclude_max=True), cut=st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_altered_batch_leaves_nothing_behind_but_a_count(collector, victim, place, cut):
    before = collector.get("/api/traceo/status").json
    at = int(place * len(victim) * 8)
    altered = bytearray(victim)
    altered[at // 8] ^= 1 << at % 8
    body = victim[: at // 8] if cut else bytes(altered)
    answer = collector.post("/v1/traces", body, COSE)
    after = collector.get("/api/traceo/status").json
    assert answer.status == 400
    assert answer.json["detail"] == (
        "no key here opens the batch, or it was changed on the way; fetch /api/traceo/keys again"
    )
    assert after["rejected"] == before["rejected"] + 1
    for figure in ("spans", "batches", "duplicates", "wal_bytes"):
        assert after[figure] == before[figure]
    assert sealed_batches(collector) == []


def test_a_batch_moved_to_another_signal_is_refused(collector, packaged):
    package, _, _ = packaged(collector)
    answer = collector.post("/v1/logs", package.body, COSE)
    assert (answer.status, answer.json["type"]) == (400, "urn:traceo:problem:sealed-header-mismatch")


def test_a_header_from_another_batch_is_refused(collector, packaged):
    one, other = packaged(collector)[0], packaged(collector)[0]
    parts = list(cbor.decode(one.body).value)
    parts[0] = cbor.decode(other.body).value[0]
    swapped = cbor.encode(cbor.Tag(96, parts))
    assert collector.post("/v1/traces", swapped, COSE).status == 400
