import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.redaction.conftest import engine_for
from traceo.redaction import Policy
from traceo.redaction.keys import KeyTable, words_of
from traceo.redaction.url_keys import FLAGS, SAFE

CANARY = "unspokenwalrus"
SIZE = 1_000_000


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"/p?download&q={CANARY}", "/p?download&q=[REDACTED]"),
        (f"/p?q='{CANARY}'&r='a'&page=2", "/p?q=[REDACTED]&r=[REDACTED]&page=2"),
        (f'/p?q="{CANARY}"&page=2', "/p?q=[REDACTED]&page=2"),
        (f"/p?geo:x=1&q={CANARY}", "/p?geo:x=1&q=[REDACTED]"),
        (f"/p?a,b=1&(c=2&!*=3&@d/e=4&q={CANARY}", "/p?a,b=1&(c=2&!*=3&@d/e=4&q=[REDACTED]"),
        (f"/blob/YWI=?q={CANARY}", "/blob/YWI=?q=[REDACTED]"),
        (f"/blob/a!?q={CANARY}", "/blob/a!?q=[REDACTED]"),
        (f"/blob/a,?q={CANARY}", "/blob/a,?q=[REDACTED]"),
        (f"/blob/$?q={CANARY}", "/blob/$?q=[REDACTED]"),
        (f"/b?versions&prefix={CANARY}", "/b?versions&prefix=[REDACTED]"),
        (f"/land?dl&code={CANARY}", "/land?dl&code=[REDACTED]"),
        (f"/p??q={CANARY}", "/p??q=[REDACTED]"),
        (f"/p?&q={CANARY}", "/p?&q=[REDACTED]"),
        (f"/p?page=1?q={CANARY}", "/p?page=[REDACTED]"),
        (f"/p?page=1%26q%3D{CANARY}", "/p?page=[REDACTED]"),
        (f"/p?{CANARY}", "/p?[REDACTED]"),
        ("/p?YWxhZGRpbg==", "/p?[REDACTED]"),
        ("/p?YWxhZGRpbg=&createdAt=&filter=", "/p?[REDACTED]&createdAt=&filter="),
        (f"/p?{'k' * 300}={CANARY}", f"/p?{'k' * 300}=[REDACTED]"),
        (f"/p?{'k' * 300}_page={CANARY}", f"/p?{'k' * 300}_page=[REDACTED]"),
        (f"/cb#tok={CANARY}&x=1", "/cb#tok=[REDACTED]&x=1"),
        (f"/cb?x=1#tok={CANARY}", "/cb?x=1#tok=[REDACTED]"),
        (f"/#/land?code={CANARY}", "/#/land?code=[REDACTED]"),
        (f"/p?q=a|{{{CANARY}}}\\^`{CANARY}&page=2", "/p?q=[REDACTED]&page=2"),
        (f"/größe?näme={CANARY}\xa0{CANARY}&page=2", "/größe?näme=[REDACTED]&page=2"),
        ("/p?wsdl&42&v2&page=3#section-2", "/p?wsdl&42&v2&page=3#[REDACTED]"),
        ("/p?wsdl&42&v2&page=3", "/p?wsdl&42&v2&page=3"),
        ("/guide#section-2", "/guide#section-2"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["url.full", "http.target", "mcp.resource.uri"])
def test_a_value_of_a_query_goes_wherever_it_stands(engine, key, url, expected):
    assert engine.text(url, key, []) == expected
    assert engine.text(f"http://h.example{url}", key, []) == f"http://h.example{expected}"
    assert engine.text(f"GET {url} HTTP/1.1", "body", []) == f"GET {expected} HTTP/1.1"
    assert engine.text(expected, key, []) == expected


def test_urls_in_a_sequence_are_judged_each(engine):
    urls = [f"/p?download&{CANARY}", "/p?page=2"]
    assert engine.value("http.response.header.location", urls, []) == ["/p?download&[REDACTED]", "/p?page=2"]


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("url.query", CANARY, "[REDACTED]"),
        ("url.query", f"?dl&q={CANARY}", "?dl&q=[REDACTED]"),
        ("url.query", f"{'k' * 300}={CANARY}", f"{'k' * 300}=[REDACTED]"),
        ("url.fragment", f"tok={CANARY}&x=1", "tok=[REDACTED]&x=1"),
        ("url.fragment", f"/land?code={CANARY}", "/land?code=[REDACTED]"),
        ("url.fragment", "section-2", "section-2"),
        ("http.query", f"q={CANARY}&page=2", "q=[REDACTED]&page=2"),
        ("search.query", "shoes? size=forty", "shoes? size=forty"),
        ("file.path", "date=2026-11-24/part.parquet", "date=2026-11-24/part.parquet"),
        ("url.template", "/find/{id}?{query}", "/find/{id}?{query}"),
    ],
)
def test_a_query_without_its_url(engine, key, text, expected):
    assert engine.text(text, key, []) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            f'HTTP Request: GET http://h/p?dl&q={{{CANARY}|}} "HTTP/1.1 200 OK"',
            'HTTP Request: GET http://h/p?dl&q=[REDACTED]} "HTTP/1.1 200 OK"',
        ),
        (f'1.1.1.1x - - [d] "GET /p?{CANARY} HTTP/1.1" 200 -', '1.1.1.1x - - [d] "GET /p?[REDACTED] HTTP/1.1" 200 -'),
        (f"200 GET /p?dl&q='{CANARY} (h) 1.2ms", "200 GET /p?dl&q=[REDACTED] (h) 1.2ms"),
        (f"see h.example/p?{CANARY}, or 'b/c?x&q={CANARY}'.", "see h.example/p?[REDACTED], or 'b/c?x&q=[REDACTED]'."),
        (f'{{"u":"/p?q={CANARY}","n":"a"}}', '{"u":"/p?q=[REDACTED]","n":"a"}'),
        (f'{{"m":"GET /p?q={CANARY}","n":"a"}}', '{"m":"GET /p?q=[REDACTED]","n":"a"}'),
        (f'{{"m":"{{\\"u\\":\\"/p?q={CANARY}\\",\\"n\\":1}}"}}', '{"m":"{\\"u\\":\\"/p?q=[REDACTED]\\",\\"n\\":1}"}'),
        (f"['/p?q={CANARY}', '/p?{CANARY}']", "['/p?q=[REDACTED]', '/p?[REDACTED]']"),
        (f"f'/p?q='{CANARY}'' b", "f'/p?q=[REDACTED]'' b"),
        (f'<a href="/p?x&amp;q={CANARY}">b</a>', '<a href="/p?x&amp;q=[REDACTED]">b</a>'),
        (f"Link: </p?q={CANARY}>; rel=next", "Link: </p?q=[REDACTED]>; rel=next"),
        (f"went to /cb#tok={CANARY}.", "went to /cb#tok=[REDACTED]."),
        (f'params="?q={CANARY}"', 'params="?q=[REDACTED]"'),
        (f"what?http://h/p?q={CANARY}", "what?http://h/p?q=[REDACTED]"),
    ],
)  # fmt: skip
def test_a_url_in_a_line_ends_at_a_blank_or_at_its_own_quote(engine, line, expected):
    assert engine.text(line, "body", []) == expected


@pytest.mark.parametrize(
    "text",
    [
        "what is this? a=b", "x ? y : z", "a?b:c", "f(a?b:c, d=e)", "and/or?maybe", "is it in /etc/passwd?",
        "UPDATE t SET a=?,b=?,c=? WHERE d=?", "f(?,x=y) IN (?,?)", "(?P<word>key=\\w+)", "issue#12=three", "#fff a=blue",
        "string?name = walrus", "see https://h/p?page=2, ok?", "(http://h/p#usage).", '{"a":"what?","b":"c=d"}',
        "postgresql://h/db?sslmode=require&application_name=walrus", "ok?\nyes=no",
    ],
)  # fmt: skip
def test_prose_and_code_ask_without_a_query(engine, text):
    hits = []
    assert (engine.text(text, "body", hits), hits) == (text, [])


def test_options_of_a_driver_stay_and_its_secrets_go(engine):
    url = "postgresql://h/db?application_name=walrus&sslpassword=hunter2"
    expected = "postgresql://h/db?application_name=walrus&sslpassword=[PASSWORD]"
    assert [engine.text(url, key, []) for key in ("db.url", "body")] == [expected] * 2
    assert engine.text(f"ldap://h/o?cn?sub?(uid={CANARY})", "directory.uri", []).count(CANARY) == 0


def test_flags_are_words_and_no_keys_of_secrets():
    keys = KeyTable(Policy.default().keys)
    assert all(flag.isalpha() and flag.islower() and len(flag) <= 14 for flag in FLAGS)
    assert [flag for flag in FLAGS | SAFE if keys.sensitive(flag)[0]] == []


_SIGNS = "ab9-._~%/:@!$'()*,;[]{}|\\^`\"<>+é，\xa0\x85"
_KEYS = st.text(_SIGNS, max_size=9).filter(lambda key: words_of(key) not in SAFE)
_FLAG = st.sampled_from([*sorted(FLAGS)[:5], "", "?", "page=2", "q=", "42"])
_VALUES = st.tuples(st.text(_SIGNS + "?&=#", max_size=5), st.text(_SIGNS + "?&#", max_size=5)).map(
    CANARY.join
)
_PAIR = st.one_of(_VALUES, st.tuples(_KEYS, _VALUES).map("=".join))


@settings(deadline=None)
@given(
    st.sampled_from(["", "http://h.example", "https://h:8443"]),
    st.text(_SIGNS, max_size=12),
    st.lists(st.one_of(_FLAG, _PAIR), min_size=1, max_size=4),
)
@example("", "p='b", [f"q=a',{CANARY}"])
def test_no_value_of_any_query_survives(origin, path, parts):
    query = "&".join(parts)
    url = f"{origin}/{path}?{query}"
    for kind in ("re2", "pure"):
        engine = engine_for(kind)
        assert CANARY not in engine.text(url, "url.full", [])
        assert CANARY not in engine.text(query, "url.query", [])
        assert CANARY not in engine.text(f'"GET {url} HTTP/1.1" 200', "body", [])
        assert CANARY not in engine.text(json.dumps({"u": url, "n": 1}, separators=(",", ":")), "body", [])
        assert CANARY not in engine.text(repr({"u": [url], "n": 1}), "body", [])
        assert CANARY not in engine.text(f"url={url}, n=1", "body", [])


@pytest.mark.parametrize(
    "unit",
    [
        "?", "#", "/?", "/p?q='", "/p?a&", "x?y", "x?y ", "?=", "'?", '"?a="', "'/?a='", "/p?q=1 ", "#a=", "/#a", "a://", "=%3D",
        'b"', '\\"', "\\", "./", ":1", ".ab", "jdbc:", "{?a=", "?a=b;", "k" * 300, '["/?a', "é?a=", "%3F=", "A",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("head", "key"), [("/p?a=", "url.full"), ("", "url.query"), ("", "body"), ('{"', "body")]
)
def test_pathological_queries_end(engine, unit, head, key):
    hits = []
    clean = engine.text(head + unit * (SIZE // len(unit)), key, hits)
    assert clean.endswith("[TRUNCATED]")
    assert not [hit for hit in hits if hit.startswith("error")]
