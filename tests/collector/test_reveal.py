"""From an application whose policy seals to whoever may reveal, and to nobody after an erasure."""

import json
import subprocess
import sys
import textwrap

import pytest

from traceo.cli import main
from traceo.exporters.destination import Destination
from traceo.sealing import KeySet, RecipientSecret, base64url
from traceo.sealing.field import field_kid
from traceo.sealing.keyring import FieldKeys, WrappedKey, encode_rows
from traceo.sealing.pseudonym import Pseudonyms

KEY = bytes(range(32))
token = Pseudonyms(KEY)
ADA, BOB = "user-ada", "user-bob"
APP = """
import traceo
client = traceo.init(service_name="shop", logs_level="INFO")
import logging
for who in ("user-ada", "user-bob"):
    with traceo.subject(who), traceo.span("pay", **{"user.email": who + "@example.com", "user.id": who}):
        logging.getLogger("shop").warning("paid", extra={"user.email": who + "@example.com"})
assert client.flush(30)
print(client.status().to_dict()["keys"])
"""


@pytest.fixture
def officer(tmp_path):
    """The folder of the key set that reveals."""
    folder = tmp_path / "privacy"
    KeySet.create().save(folder)
    return folder


@pytest.fixture
def policy(tmp_path, officer):
    """A policy file that seals user.email and pseudonymises user.id."""
    (tmp_path / "reveal.jws").write_bytes(KeySet.load(officer).publish())
    (tmp_path / "pseudonym.key").write_text(base64url.encode(KEY))
    (tmp_path / "pseudonym.key").chmod(0o600)
    path = tmp_path / "policy.toml"
    path.write_text(
        textwrap.dedent(f"""
        [keys]
        "user.email" = "seal"
        "user.id" = "pseudonymise"
        [seal]
        reveal_keys = ["{tmp_path / "reveal.jws"}"]
        pseudonym_key = "{tmp_path / "pseudonym.key"}"
        """)
    )
    return path


@pytest.fixture
def run_app(policy):
    def run(collector, **environ):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", APP],
            env={
                "PATH": "/usr/bin:/bin",
                "TRACEO_ENDPOINT": collector.url,
                "TRACEO_REDACTION": str(policy),
                **environ,
            },
            cwd=policy.parent,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "paid\npaid\n")
        return done.stdout

    return run


def traces_of(collector):
    found = collector.get("/api/traceo/traces").json["traces"]
    return [collector.get(f"/api/traceo/traces/{trace['trace_id']}").json for trace in found]


def everything_stored(collector):
    return b"".join(path.read_bytes() for path in collector.data.rglob("*") if path.is_file())


def reveal_lines(collector, officer, tmp_path, lines, capsys):
    source = tmp_path / "lines.jsonl"
    source.write_text("\n".join(json.dumps(line) for line in lines))
    code = main(["reveal", "lines", str(source), "--keys", str(officer), "--collector", collector.url])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def emails(traces):
    found = []
    for trace in traces:
        found += [item["attributes"]["user.email"] for item in (*trace["spans"], *trace["logs"])]
    return sorted(found)


def test_a_sealed_value_is_revealed_to_the_key_holder_and_to_nobody_once_erased(
    start, run_app, officer, tmp_path, capsys
):
    collector = start()
    assert "'created': 3, 'delivered': 3" in run_app(collector)
    stored = collector.wait_for(lambda: len(found := traces_of(collector)) == 2 and found)
    assert emails(stored) == sorted([token("user-ada@example.com"), token("user-bob@example.com")] * 2)
    assert {span["attributes"]["traceo.subject"] for trace in stored for span in trace["spans"]} == {
        token(ADA),
        token(BOB),
    }
    collector.restart()
    assert b"@example.com" not in everything_stored(collector)

    code, opened = reveal_lines(collector, officer, tmp_path, stored, capsys)
    assert code == 0
    assert emails(opened) == sorted(["user-ada@example.com", "user-bob@example.com"] * 2)
    handed_out = [line for line in collector.log if line["event"] == "keys handed out for reveal"]
    assert handed_out[-1]["asked"] == 2
    assert set(handed_out[-1]["subjects"].split(",")) == {token(ADA), token(BOB)}

    erased = main(
        [
            "erase",
            ADA,
            "--yes",
            "--collector",
            collector.url,
            "--pseudonym-key",
            f"{tmp_path}/pseudonym.key",
        ]
    )
    assert erased == 0
    assert "1 keys erased" in capsys.readouterr().out
    code, opened = reveal_lines(collector, officer, tmp_path, stored, capsys)
    assert code == 1
    assert emails(opened) == sorted([token("user-ada@example.com"), "user-bob@example.com"] * 2)
    assert {"event": "subject erased", "subject": token(ADA), "keys": 1}.items() <= collector.log[-2].items()


def test_erased_keys_are_gone_from_the_disk_and_do_not_come_back(start, officer, tmp_path):
    collector = start()
    recipient = KeySet.load(officer).recipient()
    sealer = FieldKeys(lambda: [recipient])
    sealer.seal(b"x", attribute="a", subject=token(ADA))
    rows = sealer.drain()
    for _ in range(2):
        answer = collector.post("/api/traceo/subject-keys", encode_rows(rows), "application/json")
        assert answer.json == {"stored": 2, "refused": 0}
    wrapped = rows[1].wrapped
    assert wrapped in everything_stored(collector)
    path = f"/api/traceo/subject-keys/{token(ADA)}"
    assert collector.request("DELETE", path).json == {"erased": 1}
    assert collector.request("DELETE", path).json == {"erased": 0}
    assert wrapped not in everything_stored(collector)
    late = collector.post("/api/traceo/subject-keys", encode_rows(rows), "application/json")
    assert late.json == {"stored": 1, "refused": 1}
    collector.restart(9)
    assert wrapped not in everything_stored(collector)
    returned = WrappedKey("k" * 16, rows[0].kid, token(ADA), rows[1].created_s + 100_000, b"w")
    fresh = collector.post("/api/traceo/subject-keys", encode_rows([returned]), "application/json")
    assert fresh.json == {"stored": 1, "refused": 0}


@pytest.fixture
def destined():
    made = []

    def make(url, **settings):
        made.append(Destination(url, **settings))
        return made[-1]

    yield make
    for destination in made:
        destination.close()


def rows_for(who):
    recipient = RecipientSecret.generate().recipient()
    sealer = FieldKeys(lambda: [recipient])
    jwe = sealer.seal(b"x", attribute="a", subject=token(who))
    return field_kid(jwe), sealer.drain()


def keys_in(collector, kid):
    return collector.get(f"/api/traceo/subject-keys?kid={kid}").json


@pytest.mark.parametrize("team", [False, True])
def test_rows_travel_sealed_to_the_collector_even_when_batches_are_a_teams(
    collector, destined, tmp_path, team
):
    settings = {}
    if team:
        (tmp_path / "team.jws").write_bytes(KeySet.create().publish())
        settings = {"pin": str(tmp_path / "team.jws")}
    destination = destined(collector.url, **settings)
    kid, rows = rows_for(ADA)
    package = destination.package("keys", encode_rows(rows))
    assert package.content_type == 'application/cose; cose-type="cose-encrypt"'
    assert token(ADA).encode() not in package.body
    assert destination.send(package).kind == "accepted"
    assert {row["kid"] for row in keys_in(collector, kid)} == {row.kid for row in rows}


def test_rows_travel_inside_a_carrier_too(collector, destined, tmp_path):
    (tmp_path / "own.jws").write_bytes(collector.get("/api/traceo/keys").body)
    destination = destined(collector.url, seal="carrier", pin=str(tmp_path / "own.jws"))
    kid, rows = rows_for(BOB)
    assert destination.deliver("keys", encode_rows(rows), bytes(16)).kind == "accepted"
    assert len(keys_in(collector, kid)) == 2


def test_rows_go_to_a_table_of_their_own_when_telemetry_goes_elsewhere(collector, destined):
    kid, rows = rows_for(BOB)
    elsewhere = destined("http://127.0.0.1:9", key_table=collector.url)
    assert elsewhere.deliver("keys", encode_rows(rows), bytes(16)).kind == "accepted"
    assert len(keys_in(collector, kid)) == 2


def test_a_backend_that_is_no_traceo_collector_gets_no_rows(destined):
    outcome = destined("http://127.0.0.1:9", seal="off").deliver("keys", b"[]", bytes(16))
    assert outcome.kind == "refused"
    assert outcome.reason.endswith("only given to a Traceo collector; set seal.key_table in the policy")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"[]", "text/plain", 415),
        (b"noise", "application/json", 400),
        (b'[{"kid": "x"}]', "application/json", 400),
        (b"noise", "application/cose", 400),
        (b" " * (9 * 1024 * 1024), "application/json", 413),
    ],
)
def test_what_are_no_rows_is_refused(collector, body, content_type, status):
    assert collector.post("/api/traceo/subject-keys", body, content_type).status == status


def test_a_batch_of_spans_is_no_rows_and_rows_are_no_spans(collector, destined, make):
    destination = destined(collector.url)
    spans = destination.package("traces", make.traces(make.span(991, 1)).SerializeToString())
    rows = destination.package("keys", encode_rows(rows_for(ADA)[1]))
    assert collector.post("/api/traceo/subject-keys", spans.body, spans.content_type).status == 400
    assert collector.post("/v1/logs", rows.body, rows.content_type).status == 400


@pytest.mark.parametrize("query", ["", "?kid=short", "?kid=" + "&kid=".join(["k" * 16] * 201)])
def test_a_look_without_sound_ids_is_refused(collector, query):
    assert collector.get(f"/api/traceo/subject-keys{query}").status == 400


@pytest.mark.parametrize("subject", ["ada", "pn_short", "", "%2e%2e"])
def test_only_a_pseudonym_can_be_erased(collector, subject):
    answer = collector.request("DELETE", f"/api/traceo/subject-keys/{subject}")
    assert answer.status == 400


def test_who_looked_and_why_stands_in_the_log_without_anything_else(start, officer, tmp_path, capsys):
    collector = start()
    recipient = KeySet.load(officer).recipient()
    sealer = FieldKeys(lambda: [recipient])
    jwe = sealer.seal(b"ada@example.com", attribute="user.email", subject=token(ADA))
    collector.post("/api/traceo/subject-keys", encode_rows(sealer.drain()), "application/json")
    words = ["--keys", str(officer), "--collector", collector.url]
    asked = ["reveal", "values", jwe, *words, "--reader", "grace\n{}", "--reason", "ticket-7"]
    assert main(asked) == 0
    assert capsys.readouterr().out == "user.email: ada@example.com\n"
    assert main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"attribute": "user.email", "value": "ada@example.com"}
    line = collector.log[-1]
    assert (line["reader"], line["reason"], line["client"]) == ("grace", "ticket-7", "127.0.0.1")
    assert "ada@example.com" not in collector.errors.read_text()


def test_a_stranger_reveals_nothing(start, officer, tmp_path, capsys):
    collector = start()
    recipient = KeySet.load(officer).recipient()
    sealer = FieldKeys(lambda: [recipient])
    jwe = sealer.seal(b"ada@example.com", attribute="user.email", subject=token(ADA))
    collector.post("/api/traceo/subject-keys", encode_rows(sealer.drain()), "application/json")
    KeySet.create().save(tmp_path / "stranger")
    words = ["--collector", collector.url, "--keys"]
    assert main(["reveal", "values", jwe, *words, str(tmp_path / "stranger")]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "user.email: the sealed data does not open\n")
    moved = {"attributes": {"enduser.id.sealed": jwe}}
    code, lines = reveal_lines(collector, officer, tmp_path, [moved], capsys)
    assert (code, lines) == (1, [moved])
    assert main(["reveal", "values", "noise", *words, str(officer)]) == 2


# a team's batches


@pytest.fixture
def team(tmp_path, start):
    """A collector that knows a team, and the team's folder."""
    collector = start()
    folder = tmp_path / "team"
    KeySet.create().save(folder)
    (collector.data / "teams").mkdir()
    published = KeySet.load(folder).publish()
    (collector.data / "teams" / "billing.jws").write_bytes(published)
    (tmp_path / "team.jws").write_bytes(published)
    return collector, folder


def test_a_team_reads_and_pushes_what_its_collector_cannot_read(
    team, destined, make, tmp_path, capsys, launch
):
    collector, folder = team
    destination = destined(collector.url, pin=str(tmp_path / "team.jws"), tenant="acme")
    request = make.traces(make.span(7, 7, name="pay", attributes={"n": 1, "who": "[EMAIL]"}))
    assert destination.deliver("traces", request.SerializeToString(), bytes(range(16))).kind == "accepted"
    logs = make.logs("paid")
    assert destination.deliver("logs", logs.SerializeToString(), bytes(range(1, 17))).kind == "accepted"

    words = ["reveal", "batches", "--keys", str(folder), "--collector", collector.url]
    assert main([*words, "--tenant", "acme"]) == 0
    span, line = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (span["signal"], span["name"], span["trace_id"]) == ("traces", "pay", make.trace_id(7))
    assert span["attributes"] == {"n": 1, "who": "[EMAIL]"}
    assert span["start_ns"] == str(make.NOW_NS)
    assert (line["signal"], line["body"], line["service"]) == ("logs", "paid", "shop")
    assert main([*words, "--signal", "metrics"]) == 0
    assert main([*words, bytes(range(16)).hex()]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1

    assert collector.stored() == (0, 0)
    (tmp_path / "local").mkdir()
    local = launch(tmp_path / "local" / "data")
    try:
        assert main([*words, "--push", local.url]) == 0
        assert local.stored() == (1, 1)
    finally:
        local.end()


def test_a_stranger_cannot_read_a_teams_batches(team, destined, make, tmp_path, capsys):
    collector, folder = team
    destination = destined(collector.url, pin=str(tmp_path / "team.jws"))
    request = make.traces(make.span(8, 8))
    assert destination.deliver("traces", request.SerializeToString(), bytes(16)).kind == "accepted"
    KeySet.create().save(tmp_path / "stranger")
    words = ["--collector", collector.url, "--keys"]
    assert main(["reveal", "batches", *words, str(tmp_path / "stranger")]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"{'0' * 32}: the sealed data does not open\n")
    assert main(["reveal", "batches", *words, str(folder), "none.cose"]) == 2
    assert main(["reveal", "batches", *words, str(folder), "0" * 31 + "1"]) == 1
    assert "no sealed batch with this id" in capsys.readouterr().err


def test_private_keys_of_a_collector_open_files_of_batches(team, destined, make, tmp_path, capsys):
    collector, _ = team
    package = destined(collector.url).package("traces", make.traces(make.span(9, 9)).SerializeToString())
    (tmp_path / "batch.cose").write_bytes(package.body)
    words = ["reveal", "batches", str(tmp_path / "batch.cose"), "--collector", collector.url]
    assert main([*words, "--keys", str(collector.data)]) == 0
    assert json.loads(capsys.readouterr().out)["trace_id"] == make.trace_id(9)


def test_erasing_asks_and_needs_the_key_of_tokens(start, capsys, monkeypatch, tmp_path):
    collector = start()
    words = ["--collector", collector.url]
    assert main(["erase", ADA, "--yes", *words]) == 2
    assert "--pseudonym-key is needed" in capsys.readouterr().err
    assert main(["erase", token(ADA), *words]) == 2
    assert "give --yes" in capsys.readouterr().err
    monkeypatch.setenv("PSEUDONYM", base64url.encode(KEY))
    assert main(["erase", ADA, "--yes", "--pseudonym-key", "env:PSEUDONYM", *words]) == 0
    assert f"{token(ADA)}: 0 keys erased" in capsys.readouterr().out
    monkeypatch.setenv("PSEUDONYM", "short")
    assert main(["erase", ADA, "--yes", "--pseudonym-key", "env:PSEUDONYM", *words]) == 2
    assert "not base64 of at least 32 bytes" in capsys.readouterr().err


def test_the_collector_itself_reveals_nothing(start, run_app, tmp_path, capsys):
    collector = start()
    run_app(collector)
    stored = collector.wait_for(lambda: len(found := traces_of(collector)) == 2 and found)
    code, lines = reveal_lines(collector, collector.data, tmp_path, stored, capsys)
    assert (code, lines) == (1, stored)
