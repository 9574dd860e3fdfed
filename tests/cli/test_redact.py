import json
import os
import pty
import subprocess
import sys

import pytest

from traceo.cli import main

CARD = "4111 1111 1111 1111"


def run(*words, given="", cwd=None, env=None):
    return subprocess.run(
        [sys.executable, "-m", "traceo", "redact", *words],
        input=given if isinstance(given, bytes) else given.encode(),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_an_argument_is_redacted(capsys):
    assert main(["redact", "mail ada@example.com"]) == 0
    assert capsys.readouterr().out == "mail [EMAIL]\n"


def test_a_key_decides_as_it_does_in_telemetry(capsys):
    assert main(["redact", "--key", "user.name", "Ada"]) == 0
    assert capsys.readouterr().out == "[NAME]\n"


def test_standard_input_goes_through_line_by_line():
    with subprocess.Popen(
        [sys.executable, "-m", "traceo", "redact"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for line in (b"mail ada@example.com\n", b"nothing here\r\n", b"\xff not utf-8\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == line.replace(b"ada@example.com", b"[EMAIL]")
        process.stdin.write(b"no end of line")
        process.stdin.close()
        assert process.stdout.read() == b"no end of line"
        assert process.wait(timeout=30) == 0


def test_the_lines_of_a_private_key_are_one():
    body = "\n".join("Q2xlYXJseSBub3QgYSBrZXkgYnV0IGxvb2tzIGxpa2Ugb25lIGluIGV2ZXJ5IHdheQ" for _ in range(4))
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    done = run(given=f"before\n{key}\nafter\n")
    assert done.stdout.decode() == "before\n[PRIVATE_KEY]\nafter\n"
    cut = run(given=f"before\n-----BEGIN RSA PRIVATE KEY-----\n{body}\n")
    assert "Q2xlYXJseSBub3QgYSBrZXkg" not in cut.stdout.decode()


def test_explain_tells_rule_type_and_place_but_no_value_in_a_pipe(tmp_path):
    file = tmp_path / "app.log"
    file.write_text(f"all well\nmail ada@example.com paid with {CARD}\n")
    done = run("--explain", "--file", str(file))
    assert done.stdout.decode() == (
        "all well\n"
        "mail [EMAIL] paid with [CREDIT_CARD]\n"
        f"    {file}:2:5-20  EMAIL  rule EMAIL\n"
        f"    {file}:2:31-50  CREDIT_CARD  rule CREDIT_CARD\n"
    )


def test_explain_shows_the_value_on_a_terminal():
    parent, child = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "traceo", "redact", "--explain", "mail ada@example.com"],
        stdout=child,
        check=True,
        timeout=60,
    )
    os.close(child)
    shown = os.read(parent, 1000).decode().replace("\r\n", "\n")
    os.close(parent)
    assert shown == "mail [EMAIL]\n    5-20  EMAIL  rule EMAIL  'ada@example.com'\n"


def test_json_has_line_text_and_findings():
    done = run("--json", given="fine\nmail ada@example.com\n")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"line": 1, "text": "fine", "findings": []},
        {
            "line": 2,
            "text": "mail [EMAIL]",
            "findings": [{"entity": "EMAIL", "start": 5, "end": 20, "rule": "EMAIL"}],
        },
    ]


def test_check_ends_with_one_and_prints_nothing_of_the_input(tmp_path):
    file = tmp_path / "fixture.json"
    file.write_text('{"ok": 1}\n{"note": "mail ada@example.com"}\n')
    done = run("--check", "--file", str(file))
    assert (done.returncode, done.stdout.decode()) == (1, f"{file}:2:16: EMAIL (15 characters, rule EMAIL)\n")
    done = run("--check", "--json", "--file", str(file))
    assert done.returncode == 1
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == [""]
    file.write_text("fine\n")
    assert (run("--check", "--file", str(file)).returncode, run("--file", str(file)).returncode) == (0, 0)


def test_profiles_and_a_policy_file_are_used(tmp_path, capsys):
    npi = "NPI 1245319599"
    assert main(["redact", npi]) == 0
    assert main(["redact", "--profile", "us-hipaa", npi]) == 0
    policy = tmp_path / "policy.toml"
    policy.write_text("[types]\nEMAIL = 'keep'\n")
    assert main(["redact", "--policy", str(policy), "--profile", "us-hipaa", f"ada@example.com {npi}"]) == 0
    assert capsys.readouterr().out == f"{npi}\nNPI [US_NPI]\nada@example.com NPI [US_NPI]\n"


def test_the_policy_of_the_folder_counts_when_none_is_named(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.traceo.redaction.types]\nEMAIL = 'keep'\n")
    assert run("ada@example.com", cwd=tmp_path).stdout == b"ada@example.com\n"
    assert run("ada@example.com", env={"TRACEO_REDACTION": "off"}).stdout == b"[EMAIL]\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--profile", "us-hippa", "x"], "redaction is 'us-hippa' (from --profile); did you mean us-hipaa?"),
        (["--file", "/no/such/file"], "/no/such/file cannot be read: No such file or directory"),
        (["--file", "/no/such/file", "x"], "give a text or --file, not both"),
    ],
)
def test_wrong_usage_ends_with_two_and_a_sentence(words, said, capsys):
    assert main(["redact", *words]) == 2
    assert capsys.readouterr().err == f"traceo redact: {said}\n"
