import pytest

from traceo.redaction import redact


def clean(engine, text, key="message"):
    return engine.text(text, key, [])


FOUND = [
    ("mail ada@example.com now", "mail [EMAIL] now"),
    ("'o.brien+x@mail.example.co.uk',", "'[EMAIL]',"),
    ("jürgen@münchen.example", "[EMAIL]"),
    ("wei@163.com", "[EMAIL]"),
    ("paid with 4111-1111-1111-1111.", "paid with [CREDIT_CARD]."),
    ("4111 1111 1111 1111", "[CREDIT_CARD]"),
    ("問AKIAY0CQ65ZT4WN6ISIG", "問[API_KEY]"),
    ("card 4111\u200b111111111111㎀", "card [CREDIT_CARD]㎀"),
    ("paid with 4111111111111111.0 today", "paid with [CREDIT_CARD].0 today"),
    ("amex 378282246310005", "amex [CREDIT_CARD]"),
    ("card 501864667909", "card [CREDIT_CARD]"),
    ("old visa 4047737215142", "old visa [CREDIT_CARD]"),
    ("to GB82 WEST 1234 5698 7654 32 today", "to [IBAN] today"),
    ("gb82west12345698765432", "[IBAN]"),
    ("from 8.8.8.8 and 10.0.0.1", "from [IP] and 10.0.0.1"),
    ("peer [2a00:1450:4001:82a::200e]:443", "peer [[IP]]:443"),
    ("SSN 460-89-9847", "SSN [US_SSN]"),
    ("460 89 9847", "[US_SSN]"),
    ("social security number 460899847", "social security number [US_SSN]"),
    ("aadhaar 2345 6789 0124", "aadhaar [IN_AADHAAR]"),
    ("uid 234567890123", "uid [IN_AADHAAR]"),
    ("holder ABCPE1234F", "holder [IN_PAN]"),
    ("S1234567D", "[SG_NRIC]"),
    ("id 11010519491231002X", "id [CN_RESIDENT_ID]"),
    ("123.456.789-09", "[BR_CPF]"),
    ("cpf 12345678909", "cpf [BR_CPF]"),
    ("+46 (0)8 928 571 38", "[PHONE]"),
    ("(415) 555-2671 ext 12", "[PHONE]"),
    ("call me on 9472 7916?", "call me on [PHONE]?"),
    ("Fax: 345-899-3560x4587", "Fax: [PHONE]"),
    ("Cell 555.123.4567", "Cell [PHONE]"),
    ("call my wife at 5551234567", "call my wife at [PHONE]"),
    ("94727916 is my mobile", "[PHONE] is my mobile"),
    ('{"contact":"94727916"}', '{"contact":"[PHONE]"}'),
    ("手机 13812345678", "手机 [PHONE]"),
    ("无效的card：4145848379409。", "无效的card：[CREDIT_CARD]。"),
    ("WebSocket upgrade from 8.8.8.8 to /chat", "WebSocket upgrade from [IP] to /chat"),
    ("postgresql://db:5432/x?sslmode=require&password=p1", "postgresql://db:5432/x?sslmode=require&password=[PASSWORD]"),
    ("see postgresql://bob:s3/cr#t@db:5432/x", "see postgresql://[CREDENTIALS]@db:5432/x"),
    ("https://ghtoken1234@host.example/x", "https://[CREDENTIALS]@host.example/x"),
    ("Bearer abcdef.123456", "Bearer [CREDENTIALS]"),
    ("-----BEGIN EC PRIVATE KEY-----\nMIIE\n", "[PRIVATE_KEY]"),
    ("use ghp_0123456789abcdefghijABCDEFGHIJ012345", "use [API_KEY]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "[JWT]"),
    ("password=hunter2, user=ada", "password=[PASSWORD], user=ada"),
    ('{"password": "hun\\"ter2", "n": 3}', '{"password": "[PASSWORD]", "n": 3}'),
    ("Authorization: Basic YWRhOnB3 user=7", "Authorization: [CREDENTIALS] user=7"),
    ("cookie: sid=abc; theme=dark", "cookie: [COOKIE]"),
    ("first_name=Ada last_name=Lovelace plan=pro", "first_name=[NAME] last_name=[NAME] plan=pro"),
    ("Full name: Ada King Lovelace, Paris", "Full name: [NAME], Paris"),
    ("{'password': ['hunter2'], 'email': ['a@b.example']}", "{'password': [PASSWORD], 'email': [EMAIL]}"),
    ("<password>x1</password>", "<password>[PASSWORD]</password>"),
    ("run --password hunter2 --fast", "run --password [PASSWORD] --fast"),
    ("[('authorization', 'Basic YWRhOnB3')]", "[('authorization', '[CREDENTIALS]')]"),
    ("Key (name)=(Ada) already exists.", "Key (name)=([REDACTED]) already exists."),
    ("Duplicate entry 'Ada K' for key 'x'", "Duplicate entry '[REDACTED]' for key 'x'"),
    ("[parameters: ('Ada', 'x')]", "[parameters: [REDACTED]]"),
    ("GET /u/ada%40example.com/x", "GET /u/[EMAIL]/x"),
    ("ada%2540example.com", "[EMAIL]"),
    ('{\\"email\\": \\"ada@example.com\\"}', '{\\"email\\": \\"[EMAIL]\\"}'),
    ("ada\\u0040example.com", "[EMAIL]"),
    ("x eyJlbWFpbCI6ImFkYUBleGFtcGxlLmNvbSJ9 y", "x [EMAIL] y"),
    ("ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "[EMAIL]"),
    ("ad\u200ba@exam\u00adple.com", "[EMAIL]"),
    ("SSN ४६०-८९-९८४७", "SSN [US_SSN]"),
]  # fmt: skip

UNTOUCHED = [
    "2026-11-24 03:07:33,418 INFO 200 OK in 1234567 us",
    "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.99.109 Safari/537.36",
    "9f8b2c4d-aaaa-4bbb-8ccc-123456789012 12345678-1234-4234-8234-123456789012",
    "start_ns=1763950000000000000 order 123456789 of 4111111111111112",
    "arn:aws:lambda:eu-west-1:123456789012:function:cart",
    "getty@tty1.service left-pad@1.3.0 git@github.com:acme/repo.git @app.route",
    "login(password=password, user=self.user) def f(token: str, secret=None)",
    "token refresh failed; password reset requested; Enter password: ",
    "token: expired, session: invalid, password=*** secret=${SECRET} api_key={{ key }}",
    "input_tokens=12 max_tokens=4096 token_count: 3 next_page_token=abc",
    "docker.internal/shop/session:7.15.9 session==1.2.3",
    "127.0.0.1 10.1.2.3 192.168.1.1 169.254.169.254 ::1 fe80::1 2001:db8::1 std::vector",
    "version 8.4.2.1 pkg==1.2.3.4",
    '{"app.version": "2.0.1.4"}',
    "GET /items?page=2&limit=50&sort=asc&id=42 HTTP/1.1",
    "[EMAIL] password=[PASSWORD] https://[CREDENTIALS]@h/?q=[REDACTED] [parameters: [REDACTED]]",
    "the skeleton-key-of-the-castle and sk-learn-based-ranking-model",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/131.0.6778.39 Mobile Safari/537.36",
    "java 17.0.9.11 openssl 3.0.13.1 libssl.so.1.1.1.1 Version 8.8.8.8 x 2.0.0.1-beta",
    'curl -H "Authorization: Bearer $TOKEN" -H "X-Api-Key: ${KEY}" https://h.example/',
    "UPDATE users SET email = $1 WHERE id = $2",
    '{"errors":{"email":["is invalid"],"password":["is too short"]}}',
    '{"properties":{"email":{"type":"string","format":"email"},"name":{"type":"string"}}}',
    "message User { string name = 1; string email = 2; }",
    "ring buffer of 4106012 bytes full, registered 1048576 metrics, call 1234567 took 3 ms",
    "phone_id=1234567 contactId=12345678 /home/5551234567 sms queue size 1000000",
    "dial tcp 10.35.183.126:60417: connect: connection refused",
    "size=426231710119 adler=476cc8ed",
    "gtin=4188360759830",
    "app-6.0.0.236.tar.gz protocol 4.4.4.222 upgraded x from 4.6.5.53 to 7.2.1.54",
    "mongodb://a.svc:27017/x?replicaSet=rs0 postgresql+psycopg://db:5432/x?sslmode=require",
    'error retrieving resource lock kube-system/auth: Get "https://10.64.211.132:443/apis"',
    "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_what_must_not_leave_is_marked(engine, text, expected):
    assert clean(engine, text) == expected


@pytest.mark.parametrize("text", UNTOUCHED)
def test_ordinary_telemetry_is_the_same_object(engine, text):
    assert clean(engine, text) is text


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_redaction_is_idempotent(engine, text, expected):
    assert clean(engine, expected) is expected


def test_the_key_is_context_for_bare_numbers(engine):
    assert clean(engine, "460899847", "customer.ssn_number_checked") == "[US_SSN]"
    assert clean(engine, "460899847", "order.id") == "460899847"


def test_findings_point_into_the_original():
    text = "mail ada%40example.com or ada@example.org"
    found = [(f.entity, text[f.start : f.end]) for f in redact(text).findings]
    assert found == [("EMAIL", "ada%40example.com"), ("EMAIL", "ada@example.org")]


def test_a_key_rule_names_itself():
    result = redact("hunter2", key="db.password")
    assert (result.text, [(f.entity, f.start, f.end, f.rule) for f in result.findings]) == (
        "[PASSWORD]",
        [("PASSWORD", 0, 7, "key:password")],
    )


def test_a_private_key_cut_short_is_masked_to_its_end(engine):
    assert clean(engine, "key -----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc") == "key [PRIVATE_KEY]"
