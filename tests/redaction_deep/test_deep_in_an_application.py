import os
import subprocess
import sys
import textwrap

import pytest


def run(script, **environ):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env={**os.environ, "TRACEO_CONSOLE": "off", "TRACEO_EXIT_TIMEOUT_S": "0", **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def deep_notes(model, tmp_path):
    """Settings with which names are looked for under ``order.note``."""
    policy = tmp_path / "policy.toml"
    policy.write_text(f"[deep]\nmodel = '{model}'\nbudget_s = 30\n")
    return {"TRACEO_REDACTION": str(policy), "TRACEO_DEEP_KEYS": "order.note"}


def test_a_named_key_is_looked_at_by_presidio_and_counted(deep_notes):
    done = run(
        """
        import time, traceo
        traceo.init(endpoint="http://127.0.0.1:9", instrument="off")
        deadline = time.monotonic() + 60
        while "NAME" not in traceo.status().redactions and time.monotonic() < deadline:
            with traceo.span("order", **{"order.note": "the neighbour Grace Turing has the key", "title": "Grace Turing"}):
                pass
            traceo.flush(0.2)
        status = traceo.status()
        assert set(status.redactions) <= {"NAME", "deep:loading"}, status
        assert status.redactions["NAME"] >= 1
        assert list(status.redactions_by_key) == ["order.note"]
        assert sum(status.redactions_by_key.values()) == sum(status.redactions.values())
        assert not [note for note in status.notes if "deep" in note], status.notes
        """,
        **deep_notes,
    )
    assert done.returncode == 0, done.stderr


def test_beside_greenlets_it_is_loaded_by_init(deep_notes):
    done = run(
        """
        from gevent import monkey; monkey.patch_all()
        import sys, traceo
        from traceo.native import get_ident

        traceo.init(endpoint="http://127.0.0.1:9", instrument="off")
        main, beside = get_ident(), []
        sys.addaudithook(lambda event, of: beside.append(of[0]) if event == "import" and get_ident() != main else None)
        while "NAME" not in traceo.status().redactions:
            with traceo.span("order", **{"order.note": "the neighbour Grace Turing has the key"}):
                pass
            traceo.flush(0.2)
        assert not [name for name in beside if name in sys.modules]  # spaCy looks for what is not there
        """,
        **deep_notes,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("presidio")
def test_without_deep_keys_nothing_of_it_is_imported():
    done = run(
        """
        import sys, traceo
        traceo.init(endpoint="http://127.0.0.1:9", instrument="off", redaction="eu,us-hipaa")
        with traceo.span("order", note="NPI 1245319599"):
            pass
        traceo.flush(0.5)
        assert traceo.status().redactions == {"US_NPI": 1}, traceo.status()
        assert not {"spacy", "presidio_analyzer", "traceo.pipeline.deep"} & set(sys.modules)
        """
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"TRACEO_REDACTION": "us-hippa"},
            "redaction is 'us-hippa' (from TRACEO_REDACTION); did you mean us-hipaa?",
        ),
        (
            {"TRACEO_REDACTION": "no/such.toml"},
            "redaction policy no/such.toml (from TRACEO_REDACTION) cannot be read",
        ),
    ],
)
def test_what_is_wrong_with_the_policy_stops_init(environ, said):
    done = run("import traceo; traceo.init()", **environ)
    assert done.returncode == 1
    assert f"traceo.errors.ConfigError: {said}" in done.stderr
