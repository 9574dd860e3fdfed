import json
import platform
import re
import subprocess
import sys
import threading
import time
from importlib import metadata

import pytest
import uvicorn

from traceo.cli import main
from traceo.cli.doctor import packages


@pytest.fixture
def doctor(tmp_path, monkeypatch, capsys):
    """Run ``traceo doctor --json`` in an empty folder with these variables; exit code, findings by check."""
    monkeypatch.chdir(tmp_path)

    def run(*words, **environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        code = main(["doctor", "--json", *words])
        findings = json.loads(capsys.readouterr().out)
        return code, {found["check"]: found for found in findings}

    return run


def test_an_application_without_a_collector_is_told_how_to_start_one(doctor):
    code, found = doctor(TRACEO_ENDPOINT="http://127.0.0.1:9")
    assert code == 1
    assert found["endpoint"] == {
        "state": "wrong",
        "check": "endpoint",
        "detail": "http://127.0.0.1:9: nothing listens there",
        "fix": "check the endpoint (from TRACEO_ENDPOINT)",
    }
    assert found["redaction"]["detail"] == "9 of 9 examples replaced"
    assert found["httpx"]["state"] == "ok"
    assert found["httpx"]["detail"].endswith(": hooked when it is imported")
    python = f"python {platform.python_version()}: hooked when it is imported"
    assert [found[name]["detail"] for name in ("sqlite3", "threading", "logging")] == [python] * 3


def test_nothing_is_asked_when_it_shall_not_be(doctor):
    code, found = doctor("--offline", TRACEO_ENDPOINT="http://127.0.0.1:9")
    assert code == 0
    assert found["endpoint"]["detail"] == "http://127.0.0.1:9, not asked"


@pytest.mark.parametrize(
    "endpoint",
    [
        "ftp://u:Hunter2walrus9@h",
        "u:Hunter2walrus9@h:4318",
        "https://u:Hunter2walrus9/x@h",
        "http://127.0.0.1:9/x?key=Hunter2walrus9",
        "http://u:Hunter2walrus9@127.0.0.1:9/x#Hunter2walrus9",
    ],
)
def test_no_secret_in_an_endpoint_is_shown(doctor, endpoint):
    for words in [(), ("--offline",)]:
        _, found = doctor(*words, TRACEO_ENDPOINT=endpoint)
        assert "Hunter2" not in json.dumps(found)
        assert "endpoint" in found or found["settings"]["state"] == "wrong"


def test_a_wrong_setting_ends_the_examination(doctor):
    code, found = doctor(TRACEO_SAMPLE_RATE="2")
    assert code == 1
    assert found["settings"]["detail"].startswith("sample_rate is 2 (from TRACEO_SAMPLE_RATE)")
    assert "endpoint" not in found


def test_what_the_settings_leave_out_and_switch_off_is_said(doctor):
    code, found = doctor("--offline", TRACEO_INSTRUMENT="-httpx", TRACEO_REDACTION="off")
    assert code == 0
    assert found["httpx"]["detail"].endswith(": left out by the settings")
    assert found["redaction"]["state"] == "warn"
    assert found["redaction"]["detail"] == "off (from TRACEO_REDACTION): everything leaves as it is"


def test_a_library_whose_package_is_missing_is_told_with_the_way_to_it(doctor, monkeypatch):
    version = metadata.version
    package = "opentelemetry-instrumentation-grpc"

    def without(name):
        if name == package:
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without)
    code, found = doctor("--offline")
    assert code == 0
    assert found["grpc"]["state"] == "note"
    assert found["grpc"]["detail"].endswith(": not hooked")
    assert found["grpc"]["fix"] == f"pip install {package}"


def test_a_policy_that_keeps_what_is_usually_replaced_is_noticed(doctor, tmp_path):
    (tmp_path / "policy.toml").write_text('[types]\nEMAIL = "keep"\n')
    _, found = doctor("--offline", TRACEO_REDACTION=str(tmp_path / "policy.toml"))
    assert found["redaction"]["state"] == "warn"
    assert "left as they are: an e-mail address" in found["redaction"]["detail"]


def test_a_spool_that_cannot_be_written_is_wrong(doctor, tmp_path):
    (tmp_path / "file").write_text("")
    code, found = doctor("--offline", TRACEO_SPOOL_DIR=str(tmp_path / "file" / "spool"))
    assert code == 1
    assert found["spool"]["detail"] == f"{tmp_path / 'file' / 'spool'} cannot be written"


@pytest.fixture
def running_collector(tmp_path):
    """A real collector of its own; gives its address."""
    command = [sys.executable, "-m", "traceo", "collector", "--port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            yield re.search(r"http://127\.0\.0\.1:\d+", line)[0]
        finally:
            process.terminate()


def test_a_collector_on_this_host_is_recognised_with_its_key_and_clock(doctor, running_collector):
    code, found = doctor(TRACEO_ENDPOINT=running_collector)
    assert code == 0
    assert found["endpoint"]["detail"] == f"{running_collector} takes sealed batches (X_WING)"
    assert found["key"]["state"] == "note"
    assert found["clock"] == {
        "state": "ok",
        "check": "clock",
        "detail": "this clock and the endpoint's agree",
        "fix": "",
    }
    pin = found["key"]["detail"].split()[2].rstrip(",")
    code, found = doctor(TRACEO_ENDPOINT=running_collector, TRACEO_SEAL_KEY=pin)
    assert (code, found["key"]["detail"]) == (0, f"sealed to {pin}, as pinned")
    wrong = "sha256:" + "A" * 43
    code, found = doctor(TRACEO_ENDPOINT=running_collector, TRACEO_SEAL_KEY=wrong)
    assert code == 1
    assert found["endpoint"]["state"] == "wrong"
    assert "key" not in found


async def an_hour_late(scope, receive, send):
    headers = [(b"date", b"Tue, 01 Jan 2030 00:00:00 GMT"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body"})


def test_a_clock_that_is_off_is_noticed(doctor):
    config = uvicorn.Config(
        an_hour_late, host="127.0.0.1", port=0, log_config=None, lifespan="off", date_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        code, found = doctor(TRACEO_ENDPOINT=f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(10)
    assert code == 0
    assert found["endpoint"]["detail"] == f"http://127.0.0.1:{port} takes OTLP (gzip), not sealed"
    assert found["clock"]["state"] == "warn"
    assert found["clock"]["detail"].endswith(" s behind the endpoint's")


class Distribution:
    """As `importlib.metadata` gives one."""

    def __init__(self, name, version, *requires):
        self.metadata = {"Name": name}
        self.version = version
        self.requires = list(requires)


def test_packages_that_want_another_version_of_each_other_are_named(monkeypatch):
    there = [
        Distribution("opentelemetry-api", "1.45.1"),
        Distribution("opentelemetry-sdk", "1.40.0", "opentelemetry-api==1.40.0", "typing-extensions>=4"),
        Distribution("traceo", "0.1.0", "opentelemetry-api>=1.46", 'grpcio>=1; extra == "grpc"'),
        Distribution("ddtrace", "4.0.0"),
    ]
    monkeypatch.setattr(packages.metadata, "distributions", lambda: there)
    assert [(found.state, found.detail) for found in packages.findings()] == [
        ("ok", "api 1.45.1, sdk 1.40.0 beside it (not needed)"),
        ("warn", "opentelemetry-sdk 1.40.0 wants opentelemetry-api 1.40.0, installed is 1.45.1"),
        ("wrong", "opentelemetry-api 1.45.1 is older than 1.46"),
        ("note", "ddtrace 4.0.0 is installed"),
    ]


def test_people_get_one_line_a_finding(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--offline"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok     python")
    assert all(line.split()[0] in {"ok", "note", "warn", "wrong"} for line in lines)
