import logging
import os
import subprocess
import sys
import textwrap

import pytest

from traceo.errors import ConfigError
from traceo.redaction.presidio import Presidio, entity_of, recognizers_from
from traceo.redaction.spans import Span

pytestmark = pytest.mark.usefixtures("presidio")


def test_what_presidio_finds_has_our_names():
    text = "mail ada@example.com or call 212-555-0187"
    assert Presidio().find(text) == [Span(5, 20, "EMAIL", "EMAIL"), Span(29, 41, "PHONE", "PHONE")]


def test_a_context_word_counts_without_a_model():
    assert Presidio().find("driver license A1234567") == [Span(15, 23, "DRIVER_LICENSE", "DRIVER_LICENSE")]
    assert Presidio().find("part A1234567") == []


def test_a_name_is_found_with_the_model_of_the_user(model):
    found = Presidio(model=str(model)).find("the neighbour Grace Turing has the key")
    assert found == [Span(14, 26, "NAME", "NAME")]


def test_what_redaction_wrote_is_left_alone():
    assert Presidio().find("[EMAIL] and [CREDIT_CARD] and [PHONE:pn_0123456789abcdef0123456789abcdef]") == []


def test_a_model_that_is_not_there_is_an_error_and_not_a_download(tmp_path):
    with pytest.raises(ConfigError, match="is no folder of a model and not installed"):
        Presidio(model=str(tmp_path / "en_core_web_lg"))
    with pytest.raises(ConfigError, match="en_core_web_lg"):
        Presidio(model="en_core_web_lg")


def test_nothing_reaches_for_the_network(tmp_path, model):
    script = f"""
        import sys
        def watch(event, arguments):
            if event.startswith("socket.") and event != "socket.__new__" or event.startswith("urllib."):
                raise RuntimeError("network: " + event)
        sys.addaudithook(watch)
        from traceo.redaction.presidio import Presidio
        for model in ("", {str(model)!r}):
            assert Presidio(model=model).find("mail ada@example.com, see https://example.co.uk/x?e=b@example.org")
        import requests
        try:
            requests.get("http://example.invalid", timeout=1)
        except RuntimeError as error:
            print("guard works:", error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("guard works: network: socket.")
    assert list(tmp_path.iterdir()) == [], "no cache of a suffix list either"


def test_presidio_says_nothing_about_the_texts_it_looks_at(caplog):
    with caplog.at_level(logging.DEBUG):
        Presidio().find("the driver license of Ada is A1234567")
    assert [
        record
        for record in caplog.records
        if record.name == "presidio-analyzer" and "driver" in record.getMessage()
    ] == []


def test_the_names_of_presidio_become_ours():
    assert [entity_of(name) for name in ("PERSON", "IBAN_CODE", "US_SSN", "PLATE-2", "7")] == [
        "NAME",
        "IBAN",
        "US_SSN",
        "PLATE",
        "PERSONAL",
    ]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    (tmp_path / "shop_recognizers.py").write_text(
        textwrap.dedent("""
        from presidio_analyzer import Pattern, PatternRecognizer

        class Locker(PatternRecognizer):
            def __init__(self):
                super().__init__("LOCKER", patterns=[Pattern("locker", r"LK-\\d{4}", 0.9)])

        BADGE = PatternRecognizer("BADGE", patterns=[Pattern("badge", r"BG\\d{5}", 0.9)])

        def all_of_them():
            return [Locker(), BADGE]
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("place", "entities"),
    [
        ("shop_recognizers:Locker", ["LOCKER"]),
        ("shop_recognizers:BADGE", ["BADGE"]),
        ("shop_recognizers:all_of_them", ["LOCKER", "BADGE"]),
    ],
)
@pytest.mark.usefixtures("shop")
def test_recognizers_of_the_user_are_used(place, entities):
    found = Presidio(recognizers=recognizers_from(place)).find("put it in LK-1234, badge BG12345")
    assert [span.entity for span in found] == entities


def test_recognizers_may_stand_in_a_file_of_presidios_format(tmp_path):
    file = tmp_path / "ours.yaml"
    file.write_text(
        textwrap.dedent("""
        recognizers:
          - name: locker
            supported_language: en
            supported_entity: LOCKER
            patterns:
              - {name: locker, regex: 'LK-[0-9]{4}', score: 0.9}
        """)
    )
    found = Presidio(recognizers=recognizers_from(str(file))).find("put it in LK-1234")
    assert found == [Span(10, 17, "LOCKER", "LOCKER")]


@pytest.mark.parametrize("place", ["shop_recognizers", "shop_recognizers:nothing", "os:sep"])
@pytest.mark.usefixtures("shop")
def test_what_is_no_recognizer_is_refused(place):
    with pytest.raises(ConfigError, match=f"deep recognizer '{place}'"):
        recognizers_from(place)
