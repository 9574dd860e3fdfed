import math
import subprocess
import sys

import pytest

from traceo.redaction import Action, Engine, Policy


def test_a_clean_mapping_is_the_same_object(engine):
    attributes = {
        "http.route": "/u/{id}",
        "n": 3,
        "ok": True,
        "x": 1.5,
        "list": ["a", "b"],
        "map": {"a": {"b": 1}},
    }
    found = []
    assert engine.attributes(attributes, "attributes.", found) is attributes
    assert found == []


def test_a_whole_mapping_is_visited(engine):
    attributes = {
        "url.full": "https://h.example/u/ada@example.com",
        "user": {"password": "x", "n": 2, "tags": ["ok", "ada@example.org"]},
        "headers": [("authorization", "Bearer x"), ("accept", "*/*")],
        "card": 4111111111111111,
        "raw": b"ada@example.com",
        "when": 1763950000000000000,
        "ssn": 460899847,
        "amount": 4111111111111111.0,
        "nan": math.nan,
        "ada@example.net": 1,
    }
    found = []
    clean = engine.attributes(attributes, "attributes.", found)
    nan = clean.pop("nan")
    assert math.isnan(nan)
    assert clean == {
        "url.full": "https://h.example/u/[EMAIL]",
        "user": {"password": "[PASSWORD]", "n": 2, "tags": ["ok", "[EMAIL]"]},
        "headers": [["authorization", "[CREDENTIALS]"], ("accept", "*/*")],
        "card": "[CREDIT_CARD]",
        "raw": b"[EMAIL]",
        "when": 1763950000000000000,
        "ssn": "[US_SSN]",
        "amount": "[CREDIT_CARD]",
        "[EMAIL]": 1,
    }
    assert found == [
        "attributes.url.full=EMAIL",
        "attributes.user.password=key:password",
        "attributes.user.tags.1=EMAIL",
        "attributes.headers.0.1=key:authorization",
        "attributes.card=CREDIT_CARD",
        "attributes.raw=EMAIL",
        "attributes.ssn=key:ssn",
        "attributes.amount=CREDIT_CARD",
        "attributes.[EMAIL]=KEY",
    ]


def test_the_original_mapping_is_not_changed(engine):
    attributes = {"user": {"password": "x"}}
    engine.attributes(attributes, "", [])
    assert attributes == {"user": {"password": "x"}}


def test_keys_that_become_equal_stay_apart(engine):
    clean = engine.attributes({"a@example.com": 1, "b@example.com": 2}, "", [])
    assert clean == {"[EMAIL]": 1, "[EMAIL]#2": 2}


def test_a_field_has_a_place(engine):
    found = []
    assert engine.field("GET /u/ada@example.com", "name", found) == "GET /u/[EMAIL]"
    assert engine.field("GET /u/{id}", "name", found) == "GET /u/{id}"
    assert found == ["name=EMAIL"]


def test_a_value_of_any_kind(engine):
    hits = []
    assert engine.value("body", {"m": ["ada@example.com", 7]}, hits) == {"m": ["[EMAIL]", 7]}
    assert engine.value("token", 12345, hits) == "[TOKEN]"
    assert engine.value("n", None, hits) is None
    assert hits == ["EMAIL", "key:token"]


def test_past_the_depth_cap_nothing_passes(engine):
    value = "ada@example.com"
    for _ in range(30):
        value = [value]
    assert "ada" not in repr(engine.value("deep", value, []))


def test_a_mapping_that_contains_itself_ends(engine):
    loop = {}
    loop["self"] = loop
    assert "[DROPPED]" in repr(engine.value("loop", loop, []))


def test_the_report_counts_by_rule_and_key():
    engine = Engine(Policy.default())
    engine.attributes({"a": "x@example.com y@example.com", "password": "p"}, "", [])
    engine.attributes({"a": "x@example.com"}, "", [])
    assert engine.report() == {"EMAIL": 2, "key:password": 1}
    assert engine.report_by_key() == {"a": 2, "password": 1}


def test_the_report_is_bounded():
    engine = Engine(Policy.default())
    for number in range(2000):
        engine.attributes({f"k{number}": "x@example.com"}, "", [])
    counts = engine.report_by_key()
    assert len(counts) == 1025
    assert sum(counts.values()) == 2000


def test_off_is_identity():
    engine = Engine(Policy.off())
    attributes = {"password": "x"}
    assert engine.attributes(attributes, "", []) is attributes
    assert engine.text("ada@example.com", "k", []) == "ada@example.com"
    assert engine.field("ada@example.com", "name", []) == "ada@example.com"
    assert engine.value("password", "x", []) == "x"


def test_a_detector_that_fails_drops_the_value_and_counts_it():
    engine = Engine(Policy.default(), pure=True)

    def fail(text):
        raise ValueError(text)

    import msgspec

    scanner = engine._scanner
    scanner._detectors = tuple(
        msgspec.structs.replace(d, find=fail) if d.entity == "EMAIL" else d for d in scanner._detectors
    )
    hits = []
    assert engine.text("mail ada@example.com", "m", hits) == "[DROPPED]"
    assert engine.text("nothing here", "m", hits) == "nothing here"
    assert (hits, engine.report()) == (["error:EMAIL"], {"error:EMAIL": 1})


def test_an_object_that_fails_is_dropped(engine):
    class Rude:
        def __str__(self):
            raise RuntimeError("no")

    found = []
    assert engine.attributes({"x": Rude(), "y": 1}, "attributes.", found) == {"traceo.dropped": "[DROPPED]"}
    assert found == ["attributes.*=error:engine"]


def test_a_long_text_loses_its_tail_and_no_half_secret_stays():
    engine = Engine(Policy(scanned_chars=5000))
    hits = []
    text = "a " * 2490 + "4111111111111111 " + "b" * 100
    clean = engine.text(text, "m", hits)
    assert clean == "a " * 2490 + "[CREDIT_CARD] [TRUNCATED]"
    assert hits == ["CREDIT_CARD", "too_long"]
    cut_through = engine.text("a " * 2495 + "4111111111111111 b", "m", [])
    assert cut_through == "a " * 2495 + "[TRUNCATED]"


def test_entities_have_their_own_action():
    policy = Policy(
        entities=(("EMAIL", Action.PSEUDONYMISE), ("IP", Action.KEEP), ("PHONE", Action.DROP)),
        secret=b"s" * 32,
    )
    engine = Engine(policy)
    first = engine.text("a@example.com 8.8.8.8 (415) 555-2671", "m", [])
    second = engine.text("A@Example.com", "m", [])
    assert first.startswith("[EMAIL:pn_")
    assert first.endswith("] 8.8.8.8 ")
    assert first.split("]")[0] == second.rstrip("]")
    assert engine.text(first, "m", []) is first


def test_addresses_can_be_truncated():
    engine = Engine(Policy(ip="truncate"))
    assert engine.text("8.8.8.8 2a00:1450:4001:82a::200e", "m", []) == "8.8.8.0/24 2a00:1450:4001::/48"


def test_the_memory_for_clean_texts_is_bounded():
    engine = Engine(Policy.default())
    for number in range(20_000):
        engine.text(f"clean {number}", "m", [])
    assert sum(map(len, engine._plans._clean.values())) <= 8192


@pytest.mark.parametrize("module", ["re2", "traceo.redaction.detectors.email", "presidio_analyzer"])
def test_importing_the_package_is_light(module):
    code = f"import sys, traceo.redaction; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
