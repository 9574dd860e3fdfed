import base64
import json
import os
import stat
import subprocess
import sys
import time

import pytest

from traceo.cli import main
from traceo.sealing import KeySet, KeyState, PublishedKeys
from traceo.sealing.rotation import Schedule, advance

PHRASE = "correct horse — battery staple"
DAY_S = 86_400


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHRASE", PHRASE)
    return tmp_path / "team"


@pytest.fixture
def keys(folder, capsys):
    """Run ``traceo keys`` with words; its exit code, and what it printed."""

    def run(*words):
        code = main(["keys", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def state_of(folder, **options):
    return [str(key.state) for key in KeySet.load(folder, **options).keys]


def test_new_makes_a_private_file_and_prints_the_line_for_the_applications(keys, folder):
    code, out, err = keys("new", folder)
    made = KeySet.load(folder)
    assert (code, out) == (0, f"TRACEO_SEAL_KEY={made.fingerprint}\n")
    assert err == f"made the key file {folder}/keys.json\napplications trust it with:\n"
    assert stat.S_IMODE((folder / "keys.json").stat().st_mode) == 0o600


def test_new_never_replaces_a_key_set(keys, folder):
    keys("new", folder)
    before = KeySet.load(folder)
    code, out, err = keys("new", folder)
    assert (code, out) == (2, "")
    assert f"there is a key set in the key file {folder}/keys.json already" in err
    assert KeySet.load(folder) == before


def test_a_collectors_data_folder_stands_for_the_keys_in_it(keys, folder):
    made = KeySet.load_or_create(folder / "data" / "keys")
    assert keys("pin", folder / "data") == (0, f"TRACEO_SEAL_KEY={made.fingerprint}\n", "")
    assert keys("pin", f"file:{folder}/data/keys")[1] == f"TRACEO_SEAL_KEY={made.fingerprint}\n"
    here = KeySet.load_or_create(folder.parent / ".traceo" / "collector" / "keys")
    assert (
        keys("pin", "--json")[1]
        == json.dumps({"variable": "TRACEO_SEAL_KEY", "fingerprint": here.fingerprint}) + "\n"
    )


def test_list_shows_what_happens_next(keys, folder):
    start_s = int(time.time()) - 80 * DAY_S
    key_set = advance(KeySet.create(now_s=start_s), now_s=start_s + 76 * DAY_S)
    key_set.save(folder)
    code, out, _ = keys("list", folder, "--json")
    shown = json.loads(out)
    primary, pending = key_set.keys
    day = time.strftime("%Y-%m-%d", time.gmtime(start_s + 90 * DAY_S))
    assert code == 0
    assert shown == {
        "place": f"the key file {folder}/keys.json",
        "fingerprint": key_set.fingerprint,
        "serial": 2,
        "keys": [
            {
                "kid": primary.recipient.kid.hex(),
                "state": "primary",
                "since": start_s,
                "kem": "X-Wing",
                "next": "opens only, when the pending key takes over",
            },
            {
                "kid": pending.recipient.kid.hex(),
                "state": "pending",
                "since": start_s + 76 * DAY_S,
                "kem": "X-Wing",
                "next": f"primary {day}",
            },
        ],
    }
    lines = keys("list", folder)[1].splitlines()
    assert lines[0] == f"the key file {folder}/keys.json, serial 2"
    assert lines[3].split() == ["KEY", "STATE", "SINCE", "KIND", "NEXT"]
    assert lines[5].endswith(f"X-Wing   primary {day}")


def test_rotate_seals_to_another_key_and_the_old_one_still_opens(keys, folder):
    keys("new", folder)
    old = KeySet.load(folder).recipient()
    code, out, _ = keys("rotate", folder)
    after = KeySet.load(folder)
    assert state_of(folder) == ["decrypt-only", "primary"]
    assert (code, out) == (0, f"{old.kid.hex()}  decrypt-only\n{after.recipient().kid.hex()}  primary\n")
    assert old.kid in after.private_keys()


def test_rotate_if_due_follows_the_calendar(keys, folder):
    keys("new", folder)
    code, out, _ = keys("rotate", folder, "--if-due")
    assert (code, out.startswith("nothing is due before 20")) == (0, True)
    KeySet.create(now_s=time.time() - 30 * DAY_S).save(folder)
    assert keys("rotate", folder, "--if-due", "--key-days", "40")[0] == 0
    assert state_of(folder) == ["primary", "pending"]


def test_destroy_asks_and_leaves_nothing_of_the_private_half(keys, folder):
    keys("new", folder)
    secret = KeySet.load(folder).keys[0].secret
    kid = secret.recipient().kid.hex()
    code, _, err = keys("destroy", kid, folder, "--yes")
    assert (code, err) == (2, f"traceo keys: {kid} is the primary key; run traceo keys rotate first\n")
    keys("rotate", folder)
    code, _, err = keys("destroy", kid, folder)
    assert (code, err) == (2, "traceo keys: there is no terminal to ask on; give --yes if you mean it\n")
    assert keys("destroy", kid[:8], folder, "--yes") == (0, f"{kid}  destroyed\n", "")
    assert state_of(folder) == ["destroyed", "primary"]
    assert base64.b64encode(secret.seed) not in (folder / "keys.json").read_bytes()
    assert "is destroyed already" in keys("destroy", kid, folder, "--yes")[2]
    assert "no key begins with what" in keys("destroy", "what", folder, "--yes")[2]
    assert "give at least 4 characters" in keys("destroy", "", folder, "--yes")[2]


def test_publish_writes_what_senders_verify(keys, folder):
    keys("new", folder)
    fingerprint = KeySet.load(folder).fingerprint
    code, out, _ = keys("publish", folder)
    assert (code, PublishedKeys.verify(out.strip().encode(), pin=fingerprint).serial) == (0, 1)
    assert keys("publish", folder, "--out", folder / "public.jws", "--valid-days", "30") == (
        0,
        "",
        f"wrote {folder}/public.jws\n",
    )
    document = PublishedKeys.verify((folder / "public.jws").read_bytes(), pin=fingerprint)
    assert document.expires_at_s - document.issued_at_s == 30 * DAY_S
    assert keys("publish", folder, "--valid-days", "0")[0] == 2
    assert keys("publish", folder, "--out", "/nowhere/at/all")[0] == 1


def test_lock_and_unlock_take_the_passphrase_from_a_variable_or_a_descriptor(keys, folder):
    keys("new", folder)
    before = KeySet.load(folder)
    code, out, _ = keys("lock", folder, "--passphrase-env", "PHRASE")
    assert (code, out.splitlines()[0]) == (0, f"locked the key file {folder}/keys.json")
    assert (folder / "keys.json").read_bytes().startswith(b"eyJ")
    assert KeySet.load(folder, passphrase=PHRASE) == before
    reader, writer = os.pipe()
    os.write(writer, f"{PHRASE}\n".encode())
    os.close(writer)
    assert keys("unlock", folder, "--passphrase-fd", reader)[0] == 0
    assert KeySet.load(folder) == before
    assert "it is not protected" in keys("unlock", folder, "--passphrase-env", "PHRASE")[2]


def test_a_locked_key_set_says_how_to_give_its_passphrase(keys, folder):
    keys("new", folder, "--passphrase-env", "PHRASE")
    code, out, err = keys("list", folder)
    assert (code, out) == (2, "")
    assert err == (
        "traceo keys: a passphrase is needed and there is no terminal to ask on; "
        "give --passphrase-env NAME or --passphrase-fd N\n"
    )
    assert keys("list", folder, "--passphrase-env", "NOTHING")[:2] == (2, "")
    assert keys("list", folder, "--passphrase-env", "PHRASE")[0] == 0
    assert keys("rotate", folder, "--passphrase-env", "PHRASE")[0] == 0
    assert state_of(folder, passphrase=PHRASE) == ["decrypt-only", "primary"]
    assert "it is locked" in keys("lock", folder, "--passphrase-env", "PHRASE")[2]


def test_a_passphrase_is_asked_for_on_a_terminal_and_does_not_show(folder):
    KeySet.create().save(folder)
    command = [sys.executable, "-m", "traceo", "keys", "lock", str(folder)]
    pid, terminal = os.forkpty()
    if pid == 0:
        os.execv(command[0], command)
    said = answer(terminal, [b"New passphrase: ", b"Again: "])
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, said
    assert PHRASE.encode() not in said
    assert len(KeySet.load(folder, passphrase=PHRASE).keys) == 1


def answer(terminal, prompts):
    said = b""
    while True:
        try:
            said += os.read(terminal, 4096)
        except OSError:  # the other side has ended
            return said
        if prompts and prompts[0] in said:
            os.write(terminal, f"{PHRASE}\n".encode())
            prompts.pop(0)


def test_keys_in_a_variable_can_be_read_and_not_changed(keys, folder, monkeypatch):
    keys("new", folder)
    monkeypatch.setenv("TRACEO_KEYS", (folder / "keys.json").read_text())
    assert keys("pin", "env:TRACEO_KEYS") == keys("pin", folder)
    code, _, err = keys("rotate", "env:TRACEO_KEYS")
    assert (code, "the variable TRACEO_KEYS cannot be changed from here" in err) == (1, True)
    assert keys("lock", "env:TRACEO_KEYS", "--passphrase-env", "PHRASE")[0] == 2
    code, out, _ = keys("doctor", "env:TRACEO_KEYS")
    assert (code, "no collector can rotate keys here" in out) == (0, True)


def found(out):
    return {(finding["check"], finding["state"]): finding["detail"] for finding in json.loads(out)}


def test_doctor_finds_nothing_wrong_with_a_new_key_set(keys, folder):
    keys("new", folder)
    code, out, _ = keys("doctor", folder, "--json")
    assert code == 0
    assert {finding["state"] for finding in json.loads(out)} == {"ok"}
    assert [finding["check"] for finding in json.loads(out)] == [
        "platform",
        "place",
        "document",
        "age",
        "states",
        "clock",
    ]
    lines = keys("doctor", folder)[1].splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 6


def test_doctor_finds_what_is_wrong(keys, folder):
    assert keys("doctor", folder)[0] == 1
    now_s = time.time()
    KeySet.create(now_s=now_s - 120 * DAY_S).save(folder)
    folder.chmod(0o750)
    code, out, _ = keys("doctor", folder, "--json")
    wrong = found(out)
    assert code == 1
    assert "run: chmod 700" in wrong["place", "wrong"]
    assert "120 days old; a change is due since" in wrong["age", "wrong"]
    KeySet.create(now_s=now_s + 3 * DAY_S).save(folder)
    assert (
        "in the future; set the clock right" in found(keys("doctor", folder, "--json")[1])["clock", "wrong"]
    )
    (folder / "keys.json").chmod(0o644)
    assert "chmod 600" in found(keys("doctor", folder, "--json")[1])["key set", "wrong"]


def test_doctor_warns_where_ml_kem_is_missing(keys, folder, monkeypatch):
    from traceo.sealing import Kem

    KeySet.create(kem=Kem.X25519).save(folder)
    assert (
        "run traceo keys rotate for one with ML-KEM"
        in found(keys("doctor", folder, "--json")[1])["kind", "warn"]
    )
    monkeypatch.setattr("traceo.sealing.default_kem", lambda: Kem.X25519)
    code, out, _ = keys("doctor", folder, "--json")
    assert (code, "no ML-KEM in this platform's cryptography" in found(out)["platform", "warn"]) == (0, True)


@pytest.mark.parametrize(
    "command", ["new", "list", "rotate", "publish", "pin", "lock", "unlock", "destroy", "doctor"]
)
def test_every_command_explains_itself(keys, capsys, command):
    with pytest.raises(SystemExit) as stop:
        keys(command, "--help")
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: traceo keys {command} ")


def test_without_a_command_the_help_is_shown(keys):
    code, out, _ = keys()
    assert (code, out.startswith("usage: traceo keys ")) == (0, True)


def test_no_command_prints_a_private_key(keys, folder):
    keys("new", folder)
    keys("rotate", folder)
    key_set = KeySet.load(folder)
    secrets = [key_set.root, *(key.secret.seed for key in key_set.keys)]
    said = ""
    for words in (
        ("list",),
        ("list", "--json"),
        ("publish",),
        ("pin",),
        ("doctor",),
        ("doctor", "--json"),
        ("rotate",),
        ("lock", "--passphrase-env", "PHRASE"),
        ("doctor", "--passphrase-env", "PHRASE"),
        ("unlock", "--passphrase-env", "PHRASE"),
    ):
        code, out, err = keys(words[0], folder, *words[1:])
        assert code == 0
        said += out + err
    assert PHRASE not in said
    for secret in secrets:
        for form in (
            secret.hex(),
            base64.b64encode(secret).decode(),
            base64.urlsafe_b64encode(secret).decode()[:-1],
        ):
            assert form not in said


def test_states_of_the_help_are_those_of_the_code():
    assert [str(state) for state in KeyState] == ["pending", "primary", "decrypt-only", "destroyed"]
    assert Schedule().rotate_after_s == 90 * DAY_S


def test_the_help_loads_no_cryptography():
    look = (
        "import sys\nfrom traceo.cli import main\n"
        "try: main(['keys', 'rotate', '--help'])\nexcept SystemExit: pass\n"
        "print('cryptography' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"
