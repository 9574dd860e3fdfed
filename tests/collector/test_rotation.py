"""Keys that turn while the collector runs: under a fake clock, in a hurry, and by hand."""

import base64
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import uvicorn

from traceo.cli import main
from traceo.collector.keys import Keys, open_keys
from traceo.collector.receivers.opening import Opener
from traceo.collector.receivers.reading import RowReader
from traceo.collector.running import _compose
from traceo.collector.sealed.parts import SealedParts
from traceo.collector.settings import Settings
from traceo.collector.store.store import Store
from traceo.errors import OpenError
from traceo.exporters.destination import Destination
from traceo.sealing import KeySet, KeyState, PublishedKeys, open_batch
from traceo.sealing.providers import open_store
from traceo.sealing.rotation import Schedule, rotate

DAY_S = 86_400
START_S = 1_800_000_000


class Clock:
    """A clock that is set by hand; stands in for the `time` module where the SDK asks for the time."""

    def __init__(self):
        self.now_s = float(START_S)

    def time(self):
        return self.now_s

    monotonic = time

    def time_ns(self):
        return int(self.now_s * 1e9)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in ("traceo.exporters.peer", "traceo.exporters.trust", "traceo.sealing.published"):
        monkeypatch.setattr(f"{module}.time", clock)
    return clock


class Running:
    """All parts of a collector on a real port, in this process, so that its keys can live by another clock."""

    def __init__(self, data, clock):
        self.settings = Settings(data=data, port=0)
        data.mkdir(mode=0o700)
        self.keys = Keys(
            open_store("", directory=data / "keys"), schedule=Schedule(), clock=lambda: clock.now_s
        )
        opener = Opener(self.keys.ring, message_bytes=self.settings.message_bytes)
        self.store = Store(self.settings, reader=RowReader(opener))
        sealed = SealedParts(self.settings.data, opener=opener, senders=None)
        app = _compose(self.settings, keys=self.keys, opener=opener, store=self.store, sealed=sealed)
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        self.thread = threading.Thread(target=self.server.run, args=([listener],))
        self.thread.start()

    def close(self):
        self.server.should_exit = True
        self.thread.join()
        self.store.close()


@pytest.fixture
def running(tmp_path, clock):
    running = Running(tmp_path / "data", clock)
    yield running
    running.close()


def states(keys):
    return [str(key.state) for key in keys._set.keys]


def test_a_year_of_rotations_loses_no_batch(running, clock, make):
    """The collector looks every six hours; the application sends daily, delivers up to five days late, and is
    silent for ten days in ninety, so that its keys expire."""
    dice = random.Random(20261124)
    sender = Destination(running.url)
    waiting, first, sent, kids, seen = [], None, 0, set(), set()
    for quarter in range(380 * 4):
        clock.now_s = START_S + quarter * DAY_S / 4
        running.keys.refresh()
        seen.update(states(running.keys))
        if quarter % 4:
            continue
        number = quarter // 4
        if number % 90 < 80:
            payload = make.traces(make.span(trace=number + 1)).SerializeToString()
            package = sender.package("traces", payload, number.to_bytes(16))
            first = first or package
            waiting.append((number + dice.randint(0, 5), package, payload))
        due = [entry for entry in waiting if entry[0] <= number]
        waiting = [entry for entry in waiting if entry[0] > number]
        for _, package, payload in due:
            outcome = sender.send(package)
            if outcome.reseal:
                outcome = sender.deliver("traces", payload, package.batch_id)
            assert outcome.kind == "accepted", outcome
            kids.add(package.sealed_to)
            sent += 1
    sender.close()
    assert (sent, len(waiting)) == (338, 2)  # 380 days, 40 of them silent
    running.store.settle()
    assert running.store.figures()["spans"] == sent
    assert len(kids) == 5
    assert seen == {"pending", "primary", "decrypt-only", "destroyed"}
    assert states(running.keys) == ["destroyed"] * 3 + ["decrypt-only", "primary"]
    with pytest.raises(OpenError):
        open_batch(first.body, running.keys.ring)


def test_keys_turn_on_their_days(running, clock):
    found = {}
    for day in range(200):
        clock.now_s = START_S + day * DAY_S
        running.keys.refresh()
        found.setdefault(tuple(states(running.keys)), day)
    assert found == {
        ("primary",): 0,
        ("primary", "pending"): 76,
        ("decrypt-only", "primary"): 90,
        ("decrypt-only", "primary", "pending"): 166,
        ("decrypt-only", "decrypt-only", "primary"): 180,
        ("destroyed", "decrypt-only", "primary"): 187,
    }


def test_a_destroyed_key_is_gone_from_the_file_and_from_what_it_was_before(running, clock):
    path = running.settings.data / "keys" / "keys.json"
    seed = running.keys._set.keys[0].secret.seed
    forms = (seed, seed.hex().encode(), base64.b64encode(seed))
    with path.open("rb") as old:
        for day in (76, 90, 187):
            clock.now_s = START_S + day * DAY_S
            running.keys.refresh()
        old.seek(0)
        assert set(old.read()) == {0}
    assert states(running.keys) == ["destroyed", "primary", "pending"]
    for form in forms:
        assert form not in path.read_bytes()
    assert [file.name for file in path.parent.iterdir() if not file.name.startswith(".lock")] == ["keys.json"]


def test_what_is_published_was_stored_before(running, clock, monkeypatch):
    """A key that nobody has on disk would be lost with the process, and every batch sealed to it."""
    clock.now_s = START_S + 76 * DAY_S
    published_at_write = []
    write = running.keys._store.write

    def watched(data, *, replaces):
        published_at_write.append(PublishedKeys.verify(running.keys.publish(), pin=None).serial)
        write(data, replaces=replaces)

    monkeypatch.setattr(running.keys._store, "write", watched)
    running.keys.refresh()
    assert published_at_write == [1]
    assert KeySet.load(running.settings.data / "keys").serial == 2
    assert PublishedKeys.verify(running.keys.publish(), pin=None).serial == 2


def test_an_application_with_expired_keys_asks_for_new_ones(running, clock, make):
    sender = Destination(running.url)
    payload = make.traces(make.span()).SerializeToString()
    before = sender.package("traces", payload, bytes(16))
    clock.now_s = START_S + 76 * DAY_S
    running.keys.refresh()
    clock.now_s = START_S + 91 * DAY_S
    running.keys.refresh()
    after = sender.package("traces", payload, bytes(16))
    assert before.sealed_to != after.sealed_to == running.keys._set.recipient().kid
    sender.close()


def test_an_application_whose_key_was_destroyed_seals_again(running, clock, make):
    sender = Destination(running.url)
    payload = make.traces(make.span()).SerializeToString()
    package = sender.package("traces", payload, bytes(16))
    where = str(running.settings.data)
    assert main(["keys", "rotate", where]) == 0
    assert main(["keys", "destroy", package.sealed_to.hex(), where, "--yes"]) == 0
    clock.now_s += 5
    running.keys.refresh()
    outcome = sender.send(package)
    assert (outcome.kind, outcome.reseal, outcome.status) == ("retry", True, 400)
    assert sender.deliver("traces", payload, bytes(16)).kind == "accepted"
    running.store.settle()
    assert running.store.figures()["spans"] == 1
    sender.close()


def said(capsys):
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.fixture
def quiet(monkeypatch):
    """Each test sees its own warnings: the journal holds repetitions back."""
    monkeypatch.setattr("traceo.collector.journal._last", {})


def test_a_store_that_fails_leaves_the_keys_in_use_and_is_tried_again(running, clock, capsys, quiet):
    path = running.settings.data / "keys" / "keys.json"
    whole = path.read_bytes()
    path.write_bytes(b"{}")
    clock.now_s = START_S + 76 * DAY_S
    running.keys.refresh()
    assert states(running.keys) == ["primary"]
    [line] = [line for line in said(capsys) if line["event"] == "keys not refreshed"]
    assert "is damaged or not a Traceo key set" in line["reason"]
    path.write_bytes(whole)
    running.keys.refresh()
    assert states(running.keys) == ["primary"]  # not before a minute is over
    clock.now_s += 60
    running.keys.refresh()
    assert states(running.keys) == ["primary", "pending"]


def test_an_older_key_set_is_not_taken_up(running, clock, capsys, quiet):
    folder = running.settings.data / "keys"
    old = KeySet.load(folder)
    rotate(old, now_s=START_S).save(folder)
    clock.now_s += 5
    running.keys.refresh()
    assert running.keys._set.serial == 2
    old.save(folder)
    clock.now_s += 5
    running.keys.refresh()
    assert running.keys._set.serial == 2
    assert "holds an older key set (serial 1) than the one in use (2)" in said(capsys)[-1]["reason"]


def test_another_signing_key_is_taken_up_and_said(running, clock, capsys, quiet):
    other = KeySet.create(now_s=START_S)
    other.save(running.settings.data / "keys")
    clock.now_s += 5
    running.keys.refresh()
    assert running.keys.fingerprint == other.fingerprint
    [line] = [line for line in said(capsys) if line["event"] == "signing key replaced"]
    assert line["seal_key"] == other.fingerprint


def test_keys_in_a_variable_are_said_to_be_due_and_not_turned(tmp_path, clock, monkeypatch, capsys, quiet):
    made = KeySet.create(now_s=START_S)
    monkeypatch.setenv("TRACEO_KEYS", bytes(made.to_bytes()).decode())
    store = open_store("env:TRACEO_KEYS", directory=tmp_path)
    keys = Keys(store, schedule=Schedule(), clock=lambda: clock.now_s)
    clock.now_s = START_S + 80 * DAY_S
    keys.refresh()
    keys.refresh()
    assert states(keys) == ["primary"]
    [line] = said(capsys)
    assert (line["event"], line["reason"]) == (
        "keys due but not turned",
        "the variable TRACEO_KEYS cannot be changed from here",
    )


def test_a_running_collector_turns_its_keys_by_itself_and_loses_nothing(start, make):
    collector = start(key_rotate_s=2.0, key_notice_s=1.0, key_retention_s=1.0, key_grace_s=0.0)
    sender = Destination(collector.url)
    sent, kids = 0, set()

    def turned():
        nonlocal sent
        payload = make.traces(make.span(trace=sent + 1)).SerializeToString()
        package = sender.package("traces", payload, sent.to_bytes(16))
        outcome = sender.send(package)
        if outcome.reseal:
            outcome = sender.deliver("traces", payload, sent.to_bytes(16))
        assert outcome.kind == "accepted", outcome
        sent += 1
        kids.add(package.sealed_to)
        return len(kids) >= 4

    collector.wait_for(turned, limit_s=30)
    sender.close()
    assert collector.stored() == (sent, 0)
    turns = [(line["state"], line["serial"]) for line in collector.log if line["event"] == "key turned"]
    assert {state for state, _ in turns} == {"pending", "primary", "decrypt-only", "destroyed"}
    assert [serial for _, serial in turns] == sorted(serial for _, serial in turns)
    assert [line for line in collector.log if line["level"] != "info"] == []
    kept = KeySet.load(collector.data / "keys")
    assert kept.keys[0].state is KeyState.DESTROYED


def test_a_running_collector_takes_up_what_the_command_changed(start, make, capsys):
    collector = start()
    sender = Destination(collector.url)
    payload = make.traces(make.span()).SerializeToString()
    old = sender.package("traces", payload, bytes(16))
    assert main(["keys", "rotate", str(collector.data)]) == 0

    def serial():
        return PublishedKeys.verify(collector.get("/api/traceo/keys").body, pin=None).serial

    collector.wait_for(lambda: serial() == 2)
    assert sender.send(old).kind == "accepted"
    sender.close()
    assert main(["keys", "doctor", str(collector.data), "--url", collector.url]) == 0
    assert f"{collector.url} publishes this key set, serial 2" in capsys.readouterr().out
    assert main(["keys", "pin", collector.url]) == 0
    assert capsys.readouterr() == (
        f"TRACEO_SEAL_KEY={KeySet.load(collector.data / 'keys').fingerprint}\n",
        "",
    )


def test_after_a_long_sleep_the_log_is_read_before_the_keys_are_turned(start, make):
    collector = start()
    sender = Destination(collector.url)
    payload = make.traces(make.span()).SerializeToString()
    assert sender.deliver("traces", payload, bytes(16)).kind == "accepted"
    sender.close()
    collector.end(signal.SIGKILL)
    folder = collector.data / "keys"
    asleep = rotate(KeySet.load(folder), now_s=time.time() - 200 * DAY_S)
    asleep.save(folder)
    collector.start()
    assert collector.stored() == (1, 0)
    kept = KeySet.load(folder)
    assert [str(key.state) for key in kept.keys] == ["destroyed", "primary", "pending"]


APPLICATION = """
import json, sys, traceo
client = traceo.init(endpoint=sys.argv[1], service_name="shop")
with traceo.span("pay"):
    pass
traceo.flush(10)
status = traceo.status()
print(status, repr(status), repr(client), vars(client) if hasattr(client, "__dict__") else "")
traceo.shutdown(10)
"""


def test_no_private_key_shows_in_the_log_the_status_or_any_answer(start):
    collector = start()
    folder = collector.data / "keys"
    secrets = private_bytes(KeySet.load(folder))
    application = [sys.executable, "-c", APPLICATION, collector.url]
    status = subprocess.run(application, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "(sealed X_WING)" in status
    assert main(["keys", "rotate", str(collector.data)]) == 0
    collector.wait_for(lambda: any(line["event"] == "key turned" for line in collector.log))
    secrets += private_bytes(KeySet.load(folder))
    collector.post("/v1/traces", b"not a batch", "application/cose")
    (folder / "keys.json").write_bytes(b"not a key set")
    collector.wait_for(lambda: any(line["event"] == "keys not refreshed" for line in collector.log))
    document = json.loads(collector.get("/api/traceo/keys").body)
    opened = [base64.urlsafe_b64decode(part + "==").decode("latin-1") for part in document.values()]
    answers = [
        collector.get(path).body.decode("latin-1")
        for path in ("/metrics", "/api/traceo/status", "/api/traceo/keys", "/healthz")
    ]
    everything = "\n".join([status, collector.errors.read_text(), *opened, *answers])
    for secret in secrets:
        text = base64.b64encode(secret).decode()
        for form in (
            secret.decode("latin-1"),
            repr(bytes(secret))[2:-1],
            secret.hex(),
            text.rstrip("="),
            text.translate(str.maketrans("+/", "-_")).rstrip("="),
        ):
            assert form not in everything


def private_bytes(key_set):
    seeds = [key.secret.seed for key in key_set.keys]
    return [key_set.root, *seeds, *(key.secret.fallback().seed for key in key_set.keys)]


def test_a_collector_leaves_no_core_file(start):
    collector = start()
    limits = Path(f"/proc/{collector.process.pid}/limits").read_text()
    [line] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line.split()[4] == "0"


def test_settings_name_the_place_of_the_keys(tmp_path, monkeypatch):
    monkeypatch.setenv("PHRASE", "correct horse — battery staple")
    settings = Settings(
        data=tmp_path / "data",
        keys=f"file:{tmp_path}/elsewhere",
        passphrase="env:PHRASE",
        key_rotate_s=40 * DAY_S,
    )
    keys = open_keys(settings)
    assert not (tmp_path / "data").exists()
    assert KeySet.load(tmp_path / "elsewhere", passphrase="correct horse — battery staple") == keys._set
    assert keys._schedule == Schedule(publish_after_s=26 * DAY_S, rotate_after_s=40 * DAY_S)
