import re
import signal
import socket
import subprocess
import sys

import pytest

COMMAND = """
import argparse, sys
from traceo.cli import collector
parser = argparse.ArgumentParser(prog="traceo collector")
collector.configure(parser)
sys.exit(collector.run(parser.parse_args()))
"""


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_prints_one_line_when_ready_and_stops_on_sigterm(tmp_path):
    command = [sys.executable, "-c", COMMAND, "--port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
    assert re.fullmatch(
        rf"traceo collector listens on http://127\.0\.0\.1:\d+, data in {re.escape(str(tmp_path))}/data\n",
        line,
    )
    assert (rest, process.returncode) == ("", 0)


def test_a_taken_port_is_named_with_the_fix(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("--port", port, "--data", tmp_path / "data")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"traceo collector: port {port} on 127.0.0.1 cannot be used: Address already in use (from --port); "
        "stop what listens there or give another port\n"
    )


def test_a_folder_another_collector_uses_is_refused(start):
    collector = start()
    result = run("--port", 0, "--data", collector.data)
    assert result.returncode == 2
    assert f"is in use by another collector (process {collector.process.pid})" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("--port", 0, "--data", tmp_path / "file" / "data")
    assert result.returncode == 2
    assert "Not a directory (from --data); give a folder that this user may write" in result.stderr


def test_a_key_file_open_to_others_is_refused(start):
    collector = start()
    collector.end()
    (collector.data / "keys" / "keys.json").chmod(0o644)
    result = run("--port", 0, "--data", collector.data)
    assert result.returncode == 2
    assert "chmod 600" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [("--port", "70000", "0 to 65535"), ("--workers", "4", "one process: give 1")],
)
def test_a_wrong_option_is_named(tmp_path, option, value, says):
    result = run(option, value, "--data", tmp_path / "data")
    assert result.returncode == 2
    assert says in result.stderr
    assert not (tmp_path / "data").exists()


def test_check_config_says_whether_it_could_start(tmp_path, start):
    assert run("--check-config", "--port", 0, "--data", tmp_path / "new").stdout == (
        "ok: the collector can start with these settings\n"
    )
    collector = start()
    result = run("--check-config", "--port", collector.port, "--data", tmp_path / "new")
    assert (result.returncode, result.stdout) == (2, "")
    assert "cannot be used" in result.stderr


def test_a_catalog_of_a_later_format_or_no_catalog_at_all_is_refused(start):
    collector = start()
    collector.end()
    (collector.data / "catalog.sqlite").write_bytes(b"this is no database, whatever its name says" * 100)
    result = run("--port", 0, "--data", collector.data)
    assert result.returncode == 2
    assert "catalog" in result.stderr
    assert "Traceback" not in result.stderr
