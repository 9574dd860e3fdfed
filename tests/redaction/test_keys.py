import pytest

from traceo.redaction import Action, Engine, KeyRule, Policy
from traceo.redaction.keys import words_of

MASKED = {
    "password": "[PASSWORD]", "user.passwd": "[PASSWORD]", "dbPassword": "[PASSWORD]", "client_secret": "[SECRET]",
    "http.request.header.authorization": "[CREDENTIALS]", "http.request.header.cookie": "[COOKIE]",
    "http.response.header.set-cookie": "[COOKIE]", "HTTP_X_API_KEY": "[API_KEY]", "csrftoken": "[TOKEN]",
    "session.id": "[SESSION]", "user.email": "[EMAIL]", "customer.phoneNumber": "[PHONE]", "ssn": "[US_SSN]",
    "cardNumber": "[CREDIT_CARD]", "cvv": "[CVV]", "user.name": "[NAME]", "first_name": "[NAME]",
    "enduser.id": "[USER]", "shippingAddress": "[ADDRESS]", "address": "[ADDRESS]", "date_of_birth": "[BIRTH_DATE]",
    "pan": "[IN_PAN]", "aws_secret_access_key": "[SECRET]", "passport_no": "[PASSPORT]",
}  # fmt: skip

UNTOUCHED = [
    "exception.type", "messaging.message.id", "gen_ai.usage.input_tokens", "token_count", "max_tokens", "http.route",
    "http.request.method", "url.scheme", "server.address", "server.port", "service.name", "telemetry.sdk.name",
    "code.function.name", "db.system.name", "thread.id", "process.pid", "next_page_token", "token_type", "trace_id",
    "host.name", "network.peer.address", "client.address", "password_changed_at", "email_template", "user.id",
    "name", "http.request.header.sec-ch-ua-mobile", "gen_ai.request.max_tokens", "card_brand", "session_count",
    "http.request.header.user-agent", "messaging.destination.name", "author", "k8s.pod.name", "secret_version",
]  # fmt: skip


@pytest.mark.parametrize(("key", "marker"), MASKED.items())
def test_the_key_alone_masks(engine, key, marker):
    assert engine.text("wert", key, []) == marker


@pytest.mark.parametrize("key", UNTOUCHED)
def test_structural_and_harmless_keys_keep_their_values(engine, key):
    assert engine.text("wert", key, []) == "wert"


def test_flags_and_absence_say_nothing(engine):
    attributes = {"has_password": True, "password": None, "token_count": 3, "email_sent": False}
    assert engine.attributes(attributes, "", []) is attributes


def test_a_kept_key_is_no_hole(engine):
    assert engine.text("ada@example.com", "server.address", []) == "[EMAIL]"
    assert engine.text("Bearer abcdef123456", "code.function.name", []) == "Bearer [CREDENTIALS]"
    assert engine.text("8.8.8.8", "server.address", []) == "8.8.8.8"


def test_addresses_of_peers_go_by_the_ip_rule(engine):
    assert engine.text("8.8.8.8", "client.address", []) == "[IP]"
    assert engine.text("10.0.0.8", "network.peer.address", []) == "10.0.0.8"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("http.request.header.X-Api-Key", "http_request_header_x_api_key"),
        ("userHTTPToken", "user_http_token"),
        ("", ""),
    ],
)
def test_keys_are_folded(key, words):
    assert words_of(key) == words


def test_own_rules_come_first():
    engine = Engine(
        Policy(
            keys=(
                KeyRule("session.id", Action.KEEP), KeyRule("app.private.*", Action.DROP),
                KeyRule("tenant", Action.HASH, "TENANT"), KeyRule("shoe_size", Action.MASK, "SHOE"),
            ),
            secret=b"k" * 32,
        )
    )  # fmt: skip
    found = []
    clean = engine.attributes(
        {"session.id": "a1", "app.private.x": "y", "tenant": "t", "m": "shoe_size=44 ok"}, "", found
    )
    assert clean == {
        "session.id": "a1",
        "app.private.x": "",
        "tenant": "[TENANT:h_" + engine.text("t", "tenant", [])[10:],
        "m": "shoe_size=[SHOE] ok",
    }
    assert found == ["app.private.x=key:app.private.*", "tenant=key:tenant", "m=key:shoe_size"]


def test_what_is_clean_under_a_kept_key_is_not_clean_elsewhere():
    engine = Engine(Policy(keys=(KeyRule("note", Action.KEEP),)))
    assert engine.text("460-89-9847", "note", []) == "460-89-9847"
    assert engine.text("460-89-9847", "remark", []) == "[US_SSN]"


def test_a_list_of_field_names_is_no_header(engine):
    fields = {"fields": ["password", "email"]}
    assert engine.attributes(fields, "", []) is fields
