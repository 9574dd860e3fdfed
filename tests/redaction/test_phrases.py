"""Values that stand beside their name without a separator, or in a field of their own."""

import pytest

GIVEN_AWAY = [
    ("wrong password 'x1y2z3' for ada", "wrong password '[PASSWORD]' for ada"),
    ("user ada entered password Zx9Qw7Lm.", "user ada entered password [PASSWORD]."),
    ("Ihr Passwort lautet Zx9Qw7", "Ihr Passwort lautet [PASSWORD]"),
    ("machine h.example login ada password p4ss", "machine h.example login ada password [PASSWORD]"),
    ("CONFIG SET requirepass Zx9Qw7", "CONFIG SET requirepass [PASSWORD]"),
    ("CREATE USER app IDENTIFIED BY 'Zx9Qw7'", "CREATE USER app IDENTIFIED BY '[PASSWORD]'"),
    ("curl -s -u admin:hunter2 https://h.example/", "curl -s -u admin:[CREDENTIALS] https://h.example/"),
    ("mysql -uroot -phunter2 shop", "mysql -uroot -p[CREDENTIALS] shop"),
    ("sshpass -p hunter2 ssh h", "sshpass -p [CREDENTIALS] ssh h"),
    ("docker login -u ada -p hunter2 r.example", "docker login -u ada -p [CREDENTIALS] r.example"),
    ("jdbc:oracle:thin:app/hunter2@db:1521/x", "jdbc:oracle:thin:app/[CREDENTIALS]@db:1521/x"),
    ("482913 is your Acme verification code", "[OTP] is your Acme verification code"),
    ('{"name": "password", "value": "hunter2"}', '{"name": "password", "value": "[PASSWORD]"}'),
    ('{"key":"DB_PASSWORD","value":{"stringValue":"h2"}}', '{"key":"DB_PASSWORD","value":{"stringValue":"[PASSWORD]"}}'),
    ("- name: DB_PASSWORD\n  value: hunter2", "- name: DB_PASSWORD\n  value: [PASSWORD]"),
    ('<add key="Password" value="hunter2"/>', '<add key="Password" value="[PASSWORD]"/>'),
    ('<input name="first_name" type="text" value="Upma">', '<input name="first_name" type="text" value="[NAME]">'),
    ('<o:Password Type="x">hunter2</o:Password>', '<o:Password Type="x">[PASSWORD]</o:Password>'),
    ('name="password"\r\n\r\nhunter2\r\n--b', 'name="password"\r\n\r\n[PASSWORD]\r\n--b'),
    ('{"Name": "Authorization", "Value": "hunter2"}', '{"Name": "Authorization", "Value": "[CREDENTIALS]"}'),
    ("password -> hunter2 for ada", "password -> [PASSWORD] for ada"),
    ("password: |\n  hunter2\n  walrus\nuser: x", "password: |\n  [PASSWORD]\nuser: x"),
    ("db:\n  password: >-\n    hunter2\n", "db:\n  password: >-\n    [PASSWORD]\n"),
    ("contraseña: hunter2", "contraseña: [PASSWORD]"),
    ("密码：hunter2。", "密码：[PASSWORD]。"),
    ("姓名：王小明，年龄 30", "姓名：[NAME]，年龄 30"),
]  # fmt: skip
HARMLESS = [
    "password reset requested; password sha256 hash; password policy 2026; password must have 8 characters",
    "password 'required' is missing; password \"confirm\" differs",
    '{"name": "cart.items", "value": 3} {"key": "region", "value": "eu-west-1"}',
    '<input name="password" type="password"> <svg width="3">x</svg>',
    "docker run -p 8080:80 img; mysql -p shop; curl -u $USER:$PASS https://h.example/",
    "redis -> cache; 200 is the code; exit code 3 is your problem",
    "value=3 content: x",
    "def token() -> str: ... session -> closed; get_password(user) -> bytes; token -> Token",
]


@pytest.mark.parametrize(("text", "clean"), GIVEN_AWAY)
def test_what_a_phrase_gives_away_is_masked(engine, text, clean):
    assert engine.text(text, "message", []) == clean
    assert engine.text(clean, "message", []) is clean


@pytest.mark.parametrize("text", HARMLESS)
def test_a_phrase_that_gives_nothing_away_stays(engine, text):
    assert engine.text(text, "message", []) is text


def test_a_value_is_judged_by_the_name_beside_it(engine):
    fields = [{"name": "password", "value": "hunter2"}, {"name": "color", "value": "red"}]
    found = []
    assert engine.attributes({"form": fields}, "", found) == {
        "form": [{"name": "password", "value": "[PASSWORD]"}, {"name": "color", "value": "red"}]
    }
    assert found == ["form.0.value=key:password"]
