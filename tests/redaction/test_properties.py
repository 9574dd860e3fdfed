"""No text of its kind survives, whatever stands around it; and redaction itself is well behaved."""

import base64
import json
import random
import re
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import IDS, SECRETS

from traceo.redaction import Engine, Policy, redact

KINDS = ["re2", "pure"]
ENGINES = {kind: Engine(Policy.default(), pure=kind == "pure") for kind in KINDS}
# What stands beside a value: anything that does not make it part of a longer word or number.
AROUND = st.text(
    st.characters(
        exclude_categories=["L", "N", "Mn", "Mc", "Me", "Pc", "Cf", "Cs"],
        exclude_characters="@.,-+/\\%&=:;#'\"<>[](){}~!$^*`|?_·",
    ),
    max_size=12,
)
PROSE = st.sampled_from(
    [
        "",
        "a note: ",
        "user said '",
        "\n\ttried ",
        "(",
        "[x] ",
        "é – ",
        "日本 ",
        "x=1, ",
        "<td>",
        'level=info msg="',
    ]
)
MADE = [(name, make) for name, (make, _) in IDS.items()] + [
    (name, make)
    for name, make in SECRETS.items()
    if name not in {"password", "secret json", "aws secret", "api key"}
]
EMBED = {
    "alone": lambda v: v,
    "JSON": lambda v: json.dumps({"note": f"see {v}", "n": 1}),
    "JSON in a string": lambda v: json.dumps({"body": json.dumps({"note": v})}),
    "URL path": lambda v: f"https://h.test/a/{quote(v, safe='')}/b",
    "URL query": lambda v: f"https://h.test/a?note={quote(v)}&page=1",
    "form": lambda v: f"note={quote(v, safe='').replace('%20', '+')}&x=1",
    "SQL": lambda v: "INSERT INTO t (note) VALUES ('" + v.replace("'", "''") + "')",
    "traceback": lambda v: f'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    g()\nValueError: {v}\n',
    "base64 JSON": lambda v: "data " + base64.b64encode(json.dumps({"note": v}).encode()).decode(),
    "\\u escapes": lambda v: '"' + "".join(f"\\u{ord(c):04x}" for c in v) + '"',
    "percent": lambda v: "".join(f"%{b:02X}" for b in v.encode()),
    "full width": lambda v: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in v),
    "zero width": "\u200b".join,
    "list repr": lambda v: repr(["a", v]),
    "bytes repr": lambda v: repr(v.encode()),
}  # fmt: skip


def _survives(value, text):
    """A run of the value that is long enough to be recognised is still there, in any of its forms."""
    size = max(4, len(value) // 4)
    forms = [text, text.replace("\u200b", ""), text.lower()]
    return any(value[i : i + size] in form for form in forms for i in range(len(value) - size + 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("embedding", EMBED)
@settings(max_examples=120)
@given(
    name=st.sampled_from([name for name, _ in MADE]),
    seed=st.integers(0, 2**32),
    before=AROUND,
    prose=PROSE,
    after=AROUND,
)
def test_nothing_of_its_kind_survives(kind, embedding, name, seed, before, prose, after):
    value = dict(MADE)[name](random.Random(seed))
    core = (
        value.split("://")[-1].rsplit("@", 1)[0]
        if name == "url credentials"
        else value.removeprefix("Bearer ").removeprefix("Basic ")
    )
    core = re.sub(r"^AccountName=shop;AccountKey=|;EndpointSuffix=core$", "", core)
    text = f"{before}{prose}{before}{EMBED[embedding](value)}{after}"
    clean = ENGINES[kind].text(text, "message", [])
    if name == "private key":
        core = "".join(core.splitlines()[1:-1])
    assert not _survives(core, clean), clean


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200)
@given(
    name=st.sampled_from(sorted(IDS)),
    seed=st.integers(0, 2**32),
    before=st.integers(0, 99),
    after=st.integers(0, 9999),
)
def test_other_numbers_around_hide_no_id(kind, name, seed, before, after):
    value = IDS[name][0](random.Random(seed))
    clean = ENGINES[kind].text(f"row {before} {value} {after}, ok", "message", [])
    # The numbers beside it may by chance be a part of it.
    left = clean.removeprefix(f"row {before}").removesuffix(f" {after}, ok")
    assert not _survives(value, left), clean


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=300)
@given(
    text=st.text(max_size=200)
    | st.text(st.sampled_from("ab1@.:=\"'\\%/?&[]{}() -\n\u200b٣password4111"), max_size=120),
    key=st.text(max_size=20),
)
def test_it_never_raises_and_is_idempotent(kind, text, key):
    engine = ENGINES[kind]
    hits = []
    once = engine.text(text, key, hits)
    assert not [hit for hit in hits if hit.startswith("error")]
    assert engine.text(once, key, []) == once


@settings(max_examples=300)
@given(text=st.text(st.sampled_from("abcdefghij XYZ,.;!()\n\téß日本語"), max_size=200))
def test_text_without_digits_signs_and_prefixes_is_the_same_object(text):
    assert ENGINES["re2"].text(text, "message", []) is text
    assert ENGINES["pure"].text(text, "message", []) is text


@settings(max_examples=200)
@given(
    text=st.lists(
        st.sampled_from(
            [
                "ada@example.com",
                "password=hunter2",
                "4111111111111111",
                "x",
                "8.8.8.8",
                " ",
                "GET /a?q=z1",
                '"',
                "\\",
                "cookie: a=b",
            ]
        ),
        max_size=12,
    ).map(" ".join)
)
def test_both_paths_find_the_same(text):
    assert ENGINES["re2"].text(text, "m", []) == ENGINES["pure"].text(text, "m", [])


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32), name=st.sampled_from(sorted(IDS)))
def test_a_marker_holds_nothing_of_the_value(seed, name):
    value = IDS[name][0](random.Random(seed))
    marker = redact(value, key=IDS[name][1]).text
    runs = (value[i : i + 3] for i in range(len(value) - 2))
    # Three capitals of an id can spell a part of its marker.
    assert not [run for run in runs if run in marker and not run.isalpha()]


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(attributes=st.dictionaries(st.text(max_size=12), JSONISH, max_size=5))
def test_any_mapping_is_redacted_without_an_error(attributes):
    found = []
    clean = ENGINES["re2"].attributes(attributes, "attributes.", found)
    assert not [entry for entry in found if "error:" in entry]
    assert clean is attributes or found
