"""Secrets that a command line gives away: as a shell has it, as a list in a text, as a sequence attribute."""

import json
import subprocess
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.redaction.conftest import engine_for

LISTS = [
    (["app", "--password", "Hunter2 walrus9", "-v"], ["app", "--password", "[PASSWORD]", "-v"]),
    (["app", "--db-password", "secret"], ["app", "--db-password", "[PASSWORD]"]),
    (["--password", "secret"], ["--password", "[PASSWORD]"]),
    (["app", "--token", "-abc", "x"], ["app", "--token", "[TOKEN]", "x"]),
    (["mysql", "-u", "root", "-pHunter2", "shop"], ["mysql", "-u", "root", "-p[CREDENTIALS]", "shop"]),
    (
        ["/usr/bin/mysqldump", "-pHun;ter|2 walrus", "shop"],
        ["/usr/bin/mysqldump", "-p[CREDENTIALS]", "shop"],
    ),
    (["curl", "-s", "-u", "bob:Hu@ter2", "h"], ["curl", "-s", "-u", "bob:[CREDENTIALS]", "h"]),
    (["curl", "-ubob:Hunter2"], ["curl", "-ubob:[CREDENTIALS]"]),
    (["curl", "--proxy-user", "bob:Hunter2"], ["curl", "--proxy-user", "bob:[CREDENTIALS]"]),
    (["docker", "login", "-u", "ada", "-p", "Hunter2"], ["docker", "login", "-u", "ada", "-p", "[CREDENTIALS]"]),
    (["redis-cli", "-a", "Hunter2", "GET", "x"], ["redis-cli", "-a", "[CREDENTIALS]", "GET", "x"]),
    (["sshpass", "-p", "Hunter2", "ssh", "h"], ["sshpass", "-p", "[CREDENTIALS]", "ssh", "h"]),
    (["sudo", "sshpass", "-pHunter2", "ssh"], ["sudo", "sshpass", "-p[CREDENTIALS]", "ssh"]),
    (["mongosh", "-u", "ada", "-p", "Hunter2"], ["mongosh", "-u", "ada", "-p", "[CREDENTIALS]"]),
]  # fmt: skip
HARMLESS = [
    ["mysql", "-u", "root", "-p", "shop"],
    ["app", "--password", "--verbose"],
    ["app", "--address", "127.0.0.1:80", "--name", "shop", "--verbose"],
    ["docker", "run", "-p", "8080:80", "img"],
    ["ls", "-a", "redis"],
    ["curl", "-u", "$USER:$PASS", "h"],
    ["--password", "--token"],
    ["-v"],
]
LINES = [
    ("app --password 'Hunter2 walrus9' -v", "app --password '[PASSWORD]' -v"),
    ('app --password "Hunter2" -v', 'app --password "[PASSWORD]" -v'),
    ("curl -u 'bob:Hunter2 x' h", "curl -u 'bob:[CREDENTIALS]' h"),
    ("curl -u bob:p@ssHunter2 h", "curl -u bob:[CREDENTIALS] h"),
    ("mysql -uroot -p'Hunter2 x' shop", "mysql -uroot -p'[CREDENTIALS]' shop"),
    ('["app",\n  "--password",\n  "Hunter2"\n]', '["app",\n  "--password",\n  "[PASSWORD]"\n]'),
    ('["mysql",\n  "-u",\n  "root",\n  "-pHunter2"\n]', '["mysql",\n  "-u",\n  "root",\n  "-p[CREDENTIALS]"\n]'),
]  # fmt: skip


@pytest.mark.parametrize(("items", "clean"), LISTS)
def test_a_secret_among_the_arguments_of_a_command_is_masked_in_a_sequence(engine, items, clean):
    found = []
    assert (
        list(engine.attributes({"process.command_args": tuple(items)}, "", found)["process.command_args"])
        == clean
    )
    index = next(i for i, pair in enumerate(zip(items, clean, strict=True)) if pair[0] != pair[1])
    assert [entry.partition("=")[0] for entry in found] == [f"process.command_args.{index}"]


@pytest.mark.parametrize(("items", "clean"), LISTS)
@pytest.mark.parametrize(
    "write", [repr, tuple, json.dumps, lambda items: json.dumps(items, separators=(",", ":"))]
)
def test_and_so_it_is_in_the_text_of_a_list(engine, items, clean, write):
    text = engine.text(f"ran {write(items)} in 3 s", "message", [])
    assert text == f"ran {write(clean)} in 3 s"
    assert engine.text(text, "message", []) is text


@pytest.mark.parametrize("items", HARMLESS)
def test_arguments_that_give_nothing_away_stay(engine, items):
    assert engine.value("args", items, []) is items
    text = f"ran {items}"
    assert engine.text(text, "message", []) is text


@pytest.mark.parametrize(("text", "clean"), LINES)
def test_a_quoted_argument_is_masked_as_a_whole(engine, text, clean):
    assert engine.text(text, "message", []) == clean
    assert engine.text(clean, "message", []) is clean


def test_the_error_of_a_command_does_not_repeat_its_password(engine):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        subprocess.run(["false", "--password", "Hunter2walrus9"], check=True)
    message, stack = str(caught.value), "".join(traceback.format_exception(caught.value))
    assert engine.text(message, "exception.message", []) == (
        "Command '['false', '--password', '[PASSWORD]']' returned non-zero exit status 1."
    )
    assert "Hunter2" not in engine.text(stack.partition("subprocess.py")[2], "exception.stacktrace", [])


def test_a_command_of_bytes_is_judged_like_one_of_text(engine):
    assert engine.value("args", [b"app", b"--password", b"Hunter2"], []) == [
        b"app",
        b"--password",
        b"[PASSWORD]",
    ]
    assert engine.value("args", [b"mysql", b"-pHunter2"], []) == [b"mysql", "-p[CREDENTIALS]"]


SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=24).map(
    "Zq".__add__
)


@given(secret=SECRETS, style=st.sampled_from(["option", "mysql", "curl", "redis"]))
def test_no_argument_of_a_secret_option_survives(secret, style):
    items = {
        "option": ["app", "--password", secret],
        "mysql": ["mysql", "-p" + secret, "shop"],
        "curl": ["curl", "-u", "bob:" + secret],
        "redis": ["redis-cli", "-a", secret],
    }[style]
    for kind in ("re2", "pure"):
        engine = engine_for(kind)
        assert secret not in str(engine.value("args", items, []))
        assert repr(secret)[1:-1] not in engine.text(f"ran {items!r}", "message", [])
        assert json.dumps(secret)[1:-1] not in engine.text(f"ran {json.dumps(items)}", "message", [])
