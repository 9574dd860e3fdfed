import base64
import importlib.util
import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from traceo.errors import ConfigError, KeyFileError
from traceo.sealing import KeySet
from traceo.sealing.hidden import HiddenText
from traceo.sealing.providers import ChangedError, load, load_or_create, open_store, phrase_source, update
from traceo.sealing.providers.envelope import Passphrase
from traceo.sealing.rotation import rotate

PASSPHRASE = HiddenText("correct horse — battery staple")


def again(key_set):
    return rotate(key_set, now_s=1_800_000_000)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


def at(place, folder, passphrase=None):
    envelope = None if passphrase is None else Passphrase(lambda: passphrase)
    return open_store(place, directory=folder, envelope=envelope)


def test_a_folder_keeps_a_key_set_in_a_private_file(folder):
    store = at("", folder)
    assert (store.version(), store.read()) == ("", None)
    made = load_or_create(store)
    assert (
        load_or_create(store) == made == KeySet.load(folder) == load(at(f"file:{folder}", folder / "other"))
    )
    assert stat.S_IMODE((folder / "keys.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert store.complaints() == []


def test_an_empty_place_says_how_to_make_a_key_set(folder):
    with pytest.raises(KeyFileError, match=r"there is no key set in .*; make one with: traceo keys new"):
        load(at("", folder))


def test_a_key_file_open_to_others_is_refused_through_any_place(folder):
    load_or_create(at("", folder))
    for mode in (0o640, 0o604):
        (folder / "keys.json").chmod(mode)
        with pytest.raises(KeyFileError, match=r"open to others .* chmod 600"):
            load(at("", folder))


def test_every_change_is_another_version_and_a_stale_one_is_refused(folder):
    store = at("", folder)
    first = load_or_create(store)
    stale = store.read()
    second = update(store, again)
    assert second.serial == first.serial + 1
    assert load(store) == second
    assert store.version() != stale.version
    with pytest.raises(ChangedError, match="was changed by somebody else"):
        store.write(first.to_bytes(), replaces=stale.version)
    with pytest.raises(ChangedError):
        store.write(first.to_bytes(), replaces="")
    assert load(store) == second


def test_a_change_that_changes_nothing_writes_nothing(folder):
    store = at("", folder)
    made = load_or_create(store)
    version = store.version()
    assert update(store, lambda key_set: key_set) == made
    assert store.version() == version


def turn(folder, count):
    for _ in range(count):
        update(at("", folder), again)


def test_writers_at_the_same_time_lose_no_change(folder):
    serial = load_or_create(at("", folder)).serial
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=turn, args=(folder, 3)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert load(at("", folder)).serial == serial + 6


def test_one_who_is_always_late_gives_up(folder):
    store = at("", folder)
    load_or_create(store)

    def late(key_set):
        update(at("", folder), again)
        return again(key_set)

    with pytest.raises(KeyFileError, match="being changed by others again and again"):
        update(store, late)


def test_what_a_file_held_before_is_overwritten(folder):
    store = at("", folder)
    load_or_create(store)
    with (folder / "keys.json").open("rb") as old:
        held = old.read()
        update(store, again)
        old.seek(0)
        assert old.read() == bytes(len(held))
    assert load(store).serial == 2


def test_a_hard_link_is_left_alone_and_complained_about(folder, tmp_path):
    store = at("", folder)
    load_or_create(store)
    before = (folder / "keys.json").read_bytes()
    (tmp_path / "copy").hardlink_to(folder / "keys.json")
    [complaint] = store.complaints()
    assert "has another name" in complaint
    update(store, again)
    assert (tmp_path / "copy").read_bytes() == before
    assert store.complaints() == []


def test_what_a_killed_writer_left_is_named_and_then_removed(folder):
    store = at("", folder)
    load_or_create(store)
    left = folder / ".keys.json.0123456789abcdef"
    left.write_bytes(b"half a key")
    assert store.complaints() == []  # another writer may be at it right now
    os.utime(left, (1_000_000_000, 1_000_000_000))
    assert store.complaints() == [f"{left} may hold private keys; remove it"]
    update(store, again)
    assert not left.exists()


def test_a_folder_open_to_others_is_complained_about(folder):
    store = at("", folder)
    load_or_create(store)
    folder.chmod(0o755)
    assert store.complaints() == [f"the folder {folder} is open to others; run: chmod 700 {folder}"]


def test_a_linked_file_is_written_where_it_lies(folder, tmp_path):
    store = at("", folder)
    made = load_or_create(store)
    (folder / "keys.json").rename(tmp_path / "elsewhere.json")
    (folder / "keys.json").symlink_to(tmp_path / "elsewhere.json")
    assert load(store) == made
    update(store, again)
    assert (folder / "keys.json").is_symlink()
    assert load(store).serial == 2


def test_a_passphrase_locks_what_is_written(folder):
    locked = at("", folder, PASSPHRASE)
    made = load_or_create(locked)
    assert (folder / "keys.json").read_bytes().startswith(b"eyJ")
    assert load(at("", folder, PASSPHRASE)) == made
    with pytest.raises(KeyFileError, match=r"it is locked; give its passphrase \(--passphrase-env NAME"):
        load(at("", folder))
    with pytest.raises(KeyFileError, match="the passphrase is wrong"):
        load(at("", folder, HiddenText("another")))
    assert KeySet.load(folder, passphrase=PASSPHRASE) == made


def test_a_plain_file_in_the_place_of_a_locked_one_is_refused(folder):
    load_or_create(at("", folder))
    with pytest.raises(KeyFileError, match="it is not protected; run: traceo keys lock"):
        load(at("", folder, PASSPHRASE))


@pytest.mark.parametrize("wrap", [bytes, base64.b64encode])
def test_a_variable_holds_a_key_file_as_it_is_or_in_base64(folder, monkeypatch, wrap):
    made = load_or_create(at("", folder))
    monkeypatch.setenv("TRACEO_KEYS", wrap((folder / "keys.json").read_bytes()).decode())
    store = at("env:TRACEO_KEYS", folder)
    assert load(store) == load_or_create(store) == made
    with pytest.raises(KeyFileError, match="the variable TRACEO_KEYS cannot be changed from here"):
        update(store, again)
    assert (store.writable, store.complaints()) == (False, [])


def test_a_locked_variable_opens_with_its_passphrase(folder, monkeypatch):
    made = load_or_create(at("", folder, PASSPHRASE))
    monkeypatch.setenv("TRACEO_KEYS", (folder / "keys.json").read_text())
    assert load(at("env:TRACEO_KEYS", folder, PASSPHRASE)) == made


@pytest.mark.parametrize("value", ["", "nonsense", "e30=", "{}"])
def test_a_variable_without_a_key_set_is_refused_without_quoting_it(folder, monkeypatch, value):
    monkeypatch.setenv("TRACEO_KEYS", value)
    with pytest.raises(KeyFileError, match="the variable TRACEO_KEYS") as caught:
        load_or_create(at("env:TRACEO_KEYS", folder))
    assert "nonsense" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("s3://bucket/keys", "s3://bucket/keys is not a place for keys"),
        ("env:", "env: names nothing"),
        ("aws-kms://", "names nothing"),
        ("aws-kms://key?size=2", "there is no option size here"),
        ("vault-kv://vault.test/secret", "names no mount and path"),
        ("vault-kv:///secret/traceo", "the address of Vault is not known"),
        ("vault-transit://vault.test/transit/traceo?region=eu", "there is no option region here"),
    ],
)
def test_what_is_no_place_is_refused_with_what_is(folder, monkeypatch, place, says):
    monkeypatch.delenv("VAULT_ADDR", raising=False)
    with pytest.raises(ConfigError, match=says.replace("?", r"\?")):
        at(place, folder)


def test_a_passphrase_comes_from_a_variable_or_a_descriptor(monkeypatch):
    monkeypatch.setenv("PHRASE", "open sesame")
    assert phrase_source("env:PHRASE")() == "open sesame"
    reader, writer = os.pipe()
    os.write(writer, b"open sesame\r\n")
    os.close(writer)
    assert phrase_source(f"fd:{reader}")() == "open sesame"
    with pytest.raises(ConfigError, match=rf"file descriptor {reader} cannot be read: Bad file descriptor"):
        phrase_source(f"fd:{reader}")()
    with pytest.raises(ConfigError, match="the variable NOTHING holds no passphrase"):
        phrase_source("env:NOTHING")()
    for wrong in ("", "open sesame", "env:", "fd:", "fd:-1", "file:/etc/passwd"):
        with pytest.raises(ConfigError, match="name a variable or a file descriptor") as caught:
            phrase_source(wrong)
        assert "sesame" not in str(caught.value)


def test_a_key_service_takes_no_passphrase(folder):
    with pytest.raises(ConfigError, match="leave the passphrase out"):
        at("aws-kms://key", folder, PASSPHRASE)


@pytest.mark.parametrize(
    ("place", "package", "extra"),
    [
        ("vault-kv://127.0.0.1:1/secret/traceo", "hvac", "vault"),
        ("vault-transit://127.0.0.1:1/transit/traceo", "hvac", "vault"),
        ("aws-kms://key", "boto3", "aws"),
    ],
)
def test_a_missing_package_names_its_extra(folder, place, package, extra):
    look = f"""
import sys
sys.modules[{package!r}] = None
from pathlib import Path
from traceo.errors import ConfigError
from traceo.sealing.providers import load_or_create, open_store
try:
    load_or_create(open_store({place!r}, directory=Path({str(folder)!r})))
except ConfigError as error:
    print(error)
"""
    environment = {**os.environ, "VAULT_TOKEN": "x"}
    said = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, timeout=60, check=True, env=environment
    ).stdout
    assert said.startswith(package)
    assert said.endswith(f" is not installed; run: pip install 'traceo[{extra}]'\n")


def test_each_package_of_a_service_is_named_in_one_module_only():
    root = Path(importlib.util.find_spec("traceo").origin).parent
    for word in ("hvac", "boto3"):
        named = [path.name for path in root.rglob("*.py") if f'import_module("{word}' in path.read_text()]
        assert len(named) == 1


def test_no_provider_loads_a_package_before_it_is_needed():
    look = (
        "import sys\nimport traceo.sealing.providers\nprint({'hvac', 'boto3', 'requests'} & set(sys.modules))"
    )
    said = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout == "set()\n"
