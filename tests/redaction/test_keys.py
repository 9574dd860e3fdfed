import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from traceo.redaction import Action, Engine, KeyRule, Policy
from traceo.redaction.conventions import CONVENTIONS, IDS
from traceo.redaction.key_words import SUFFIXES
from traceo.redaction.keys import KeyTable, words_of

MASKED = {
    "password": "[PASSWORD]", "user.passwd": "[PASSWORD]", "dbPassword": "[PASSWORD]", "client_secret": "[SECRET]",
    "http.request.header.authorization": "[CREDENTIALS]", "http.request.header.cookie": "[COOKIE]",
    "http.response.header.set-cookie": "[COOKIE]", "HTTP_X_API_KEY": "[API_KEY]", "csrftoken": "[TOKEN]",
    "session.id": "[SESSION]", "user.email": "[EMAIL]", "customer.phoneNumber": "[PHONE]", "ssn": "[US_SSN]",
    "cardNumber": "[CREDIT_CARD]", "cvv": "[CVV]", "user.name": "[NAME]", "first_name": "[NAME]",
    "enduser.id": "[USER]", "shippingAddress": "[ADDRESS]", "address": "[ADDRESS]", "date_of_birth": "[BIRTH_DATE]",
    "pan": "[IN_PAN]", "aws_secret_access_key": "[SECRET]", "passport_no": "[PASSPORT]",
    "http.request.header.dpop": "[TOKEN]", "http.request.header.x-amzn-oidc-data": "[TOKEN]",
    "http.request.header.x-auth": "[CREDENTIALS]",
    "http.request.header.cf-access-jwt-assertion": "[TOKEN]", "http.request.header.sec-websocket-protocol": "[TOKEN]",
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


SECRET_KEYS = [
    word
    for marker in ("PASSWORD", "SECRET", "TOKEN", "API_KEY", "CREDENTIALS", "COOKIE", "SESSION")
    for word in SUFFIXES[marker].split()
]
NAMESPACES = sorted({name.rpartition(".")[0] + "." for name in CONVENTIONS if "." in name})


@given(
    st.sampled_from(NAMESPACES), st.sampled_from(["", "db.", "x_", "label."]), st.sampled_from(SECRET_KEYS)
)
def test_a_secret_is_masked_in_every_namespace_of_the_conventions(namespace, between, word):
    key = namespace + between + word
    assume(
        not words_of(key).endswith(("db_session", "aws_session"))
    )  # objects of libraries, exempt everywhere
    assert Engine(Policy.default()).attributes({key: "Hunter2walrus9"}, "", [])[key] != "Hunter2walrus9"


def test_no_name_of_the_conventions_is_a_secrets():
    names = {name: KeyTable()._built_in(words_of(name))[0] for name in CONVENTIONS}
    assert {name: marker for name, marker in names.items() if marker} == {}


TOLD_BY_CLIENTS = [
    "messaging.destination.name", "gen_ai.request.stop_sequences", "server.address", "rpc.method",
    "gen_ai.response.finish_reasons", "traceo.gen_ai.tool.names", "thread.name", "messaging.client.id",
    "gen_ai.request.model", "db.namespace", "http.method", "service.name", "filename",
]  # fmt: skip


@pytest.mark.parametrize("key", TOLD_BY_CLIENTS)
def test_what_clients_can_fill_is_looked_at_for_everything(engine, key):
    assert engine.text("sms.4111111111111111", key, []) == "sms.[CREDIT_CARD]"
    assert engine.text("sms.+15551234567", key, []) == "sms.[PHONE]"
    assert engine.text("DE89370400440532013000", key, []) == "[IBAN]"
    assert engine.text("password=Hunter2walrus9", key, []) == "password=[PASSWORD]"
    attributes = {key: ("sms.4111111111111111", "078-05-1120")}
    assert engine.attributes(attributes, "", []) == {key: ["sms.[CREDIT_CARD]", "[US_SSN]"]}


NAMES_OF_MACHINES = {
    "messaging.destination.name": [
        "orders.v2.2024-11-12", "arn:aws:sqs:eu-west-1:123456789012:orders", "amq.gen-JzTY20BRgKO-HjmUJj0wLg",
        "https://sqs.us-east-1.amazonaws.com/123456789012/orders", "queue-1731412345678", "call-center-20241112",
        "reply-550e8400-e29b-41d4-a716-446655440000", "fax.2024.11.12.01", "topic_001_002_0003",
    ],
    "server.address": [
        "db-01.eu-west-1.rds.amazonaws.com", "ec2-52-1-2-3.compute-1.amazonaws.com", "i-0123456789abcdef0",
        "redis-12345.c1.us-east-1-2.ec2.cloud.redislabs.com", "5f3c8d9e1234567.cdn.net", "8.8.8.8", "[::1]",
        "2001:4860:4860::8888",
    ],
    "thread.name": ["ThreadPoolExecutor-0_3", "Dummy-1 (140123456789012)"],
    "thread.id": [140123456789012],
    "rpc.method": ["shop.Cart/Get2", "v1.2.3.4/Get"],
    "gen_ai.request.model": ["claude-3-5-sonnet-20241022", "gpt-4-0613", "ft:gpt-4o-2024-08-06:acme::9abcdEFG"],
    "k8s.pod.name": ["checkout-7d9f8b6c5d-x2x4z", "cron-28856340-4x7kq"],
    "cloud.account.id": ["123456789012"],
    "os.version": ["10.0.19045.1234"],
    "host.ip": [["8.8.8.8", "10.0.0.1"]],
    "http.route": [r"^users/(?P<pk>[0-9]+)/$", "/users/{id}"],
    "url.template": ["/find{?q,page}"],
    "messaging.message.id": ["4111111111111111"],
}  # fmt: skip


@pytest.mark.parametrize("key", NAMES_OF_MACHINES)
def test_ids_hosts_and_names_of_machines_stay(engine, key):
    for value in NAMES_OF_MACHINES[key]:
        attributes = {key: value}
        assert engine.attributes(attributes, "", []) is attributes
        assert engine.attributes(attributes, "", []) is attributes  # seen
        assert engine.value(key, value, []) == value


def test_a_host_is_an_address_only_as_a_whole(engine):
    for host in ("8.8.8.8", "8.8.8.8:4111111111111111", "fe80::1%4111111111111111"):
        engine.attributes({"server.address": host}, "", [])
    assert engine.text("8.8.8.8", "server.address", []) == "8.8.8.8"
    assert "4111" not in engine.text("fe80::1%4111111111111111", "server.address", [])
    assert "4111" not in str(engine.attributes({"server.address": "8.8.8.8:4111111111111111"}, "", []))
    assert engine.attributes({"note": "8.8.8.8"}, "", []) == {"note": "[IP]"}


def test_ids_are_searched_for_secrets_and_mail_addresses(engine):
    assert {key for key in IDS if engine.text("ada@example.com", key, []) != "[EMAIL]"} == set()


@pytest.mark.parametrize(
    "key", ["db.operation.parameter.note", "k8s.pod.label.owner", "container.command_line"]
)
def test_open_families_are_looked_at_like_any_other_key(engine, key):
    assert engine.text("078-05-1120 password=hunter2", key, []) == "[US_SSN] password=[PASSWORD]"


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


@pytest.mark.parametrize(("name", "value"), [("name", "value"), ("Name", "Value"), ("key", "val")])
def test_a_value_is_judged_by_the_name_beside_it(engine, name, value):
    headers = [{name: "Authorization", value: "wert"}, {name: "Accept", value: "wert"}]
    clean = engine.attributes({"headers": headers}, "", [])["headers"]
    assert [item[value] for item in clean] == ["[CREDENTIALS]", "wert"]
