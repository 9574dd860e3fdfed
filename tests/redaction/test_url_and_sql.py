import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from traceo.redaction.sql import literals, normalise


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "https://shop.example.com/find?q=Ada+Lovelace&page=2",
            "https://shop.example.com/find?q=[REDACTED]&page=2",
        ),
        ("/find?email=ada%40example.com&name=Ada", "/find?email=[EMAIL]&name=[NAME]"),
        ("https://u:p4ss@h.example/a?limit=10", "https://[CREDENTIALS]@h.example/a?limit=10"),
        ("?code=abcdef&state=ok", "?code=[REDACTED]&state=ok"),
        ("https://h.example/cb#access_token=abc.def123&x=1", "https://h.example/cb#access_token=[TOKEN]&x=1"),
        ("https://h.example/users/460-89-9847/orders", "https://h.example/users/[US_SSN]/orders"),
        ("https://h.example/a?id=42&ok=true&v=2", "https://h.example/a?id=42&ok=true&v=2"),
    ],
)
def test_every_query_value_goes_unless_its_key_is_harmless(engine, url, expected):
    assert engine.text(url, "url.full", []) == expected


def test_a_query_that_stands_alone(engine):
    assert engine.text("name=Ada&page=3", "url.query", []) == "name=[REDACTED]&page=3"


def test_a_url_inside_a_log_line(engine):
    line = 'HTTP Request: GET http://pay/charge?holder=Ada%20L "HTTP/1.1 200 OK"'
    assert (
        engine.text(line, "body", []) == 'HTTP Request: GET http://pay/charge?holder=[NAME] "HTTP/1.1 200 OK"'
    )


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 'O''Brien', \"col\", t.x1 FROM t", 'SELECT ?, "col", t.x1 FROM t'),
        ("SELECT E'it\\'s' , N'x', X'ff', $$ a 'b' $$, $t$ c $t$", "SELECT ? , ?, ?, ?, ?"),
        ("SELECT $$ a 'b' $$, $t$ c $t$ WHERE a = $1", "SELECT ?, ? WHERE a = $1"),
        ("WHERE a IN (1, 2, 3) AND b = -1.5e-3 AND c = 0xFF", "WHERE a IN (?) AND b = -? AND c = ?"),
        ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (?)"),
        ("SELECT 1 -- who's this\nFROM t /* ada@example.com */ WHERE x", "SELECT ? \nFROM t  WHERE x"),
        ('WHERE name = "Ada Lovelace"', "WHERE name = ?"),
        ("WHERE path = 'C:\\' AND name = 'Ada'", "WHERE path = ? …"),
        ("WHERE name = 'never closed", "WHERE name = ?"),
        ("WHERE name = 'Pat O'Hara'", "WHERE name = ? …"),
        ("WHERE name = 'Pat O' Hara'", "WHERE name = ? …"),
        ("WHERE name = 'Pat' Hara '' AND b = 'y'", "WHERE name = ? …"),
        ("WHERE a = 'x' AND name = 'O'Hara' AND b = 'y'", "WHERE a = ? …"),
        ("WHERE a = 'x'AND b = 'y'\nOR c = E'it\\'s'", "WHERE a = ?AND b = ?\nOR c = ?"),
        ('WHERE n = "Pat "the cat" Hara"', "WHERE n = ? …"),
        (
            'INSERT INTO t ("a", "b") VALUES ("Ada", f("x", 1)), ("Bob", 2)',
            'INSERT INTO t ("a", "b") VALUES (?, f(?)), (?)',
        ),
        (
            'WHERE a IN ("Ada", "Bob") AND b IN (SELECT "b" FROM "t")',
            'WHERE a IN (?) AND b IN (SELECT "b" FROM "t")',
        ),
        ('CREATE USER bob IDENTIFIED BY "Ada"', "CREATE USER bob IDENTIFIED BY ?"),
        ('SELECT a FROM t JOIN u ON "t"."a" = "u"."a" ORDER BY "b"', None),
        ("SELECT 1 # Ada\nFROM t", "SELECT ? \nFROM t"),
        ("SELECT 'a'::text, 'b' 'c', 'd' || e, ('f') @> g", "SELECT ?::text, ? ?, ? || e, (?) @> g"),
        ("SELECT a #> b, a#>>c, d #- e FROM t", None),
        ("SELECT a /* b /* c */ Ada */ FROM t", "SELECT a ? …"),
        ("WHERE a = 1 AND b = $t$ never closed", "WHERE a = ? AND b = ?"),
        ("WHERE a = 'it''s' AND b = '''' AND c = ''", "WHERE a = ? AND b = ? AND c = ?"),
        ("SELECT id FROM users WHERE id = %s AND x = :name AND y = @p1 AND z = %(z)s", None),
        ('SELECT "users"."id" FROM `users` [t] LIMIT ?', None),
    ],
)
def test_literals_become_placeholders(statement, expected):
    if expected is None:
        assert normalise(statement) is statement
    else:
        assert normalise(statement) == expected


@given(st.lists(st.sampled_from(["walrus", "'", '"', " ", "\\", "''", "$", "--", "/*"]), max_size=7))
@example(["'", "$", "walrus", "'"])
@example(["'", ":", " walrus", "'"])
def test_no_word_of_a_value_that_was_pasted_into_a_statement_stays(pieces):
    statement = f"SELECT a FROM t WHERE b = 'x' AND c = '{''.join(pieces)}' AND d = 'y'"
    assert "walrus" not in normalise(statement)
    found = literals(statement)
    rest = "".join(char for at, char in enumerate(statement) if not any(s.start <= at < s.end for s in found))
    assert "walrus" not in rest


def test_a_statement_is_normalised_under_its_key(engine):
    hits = []
    text = engine.text("SELECT * FROM u WHERE n = 'Ada' AND id = 7", "db.query.text", hits)
    assert (text, hits) == ("SELECT * FROM u WHERE n = ? AND id = ?", ["sql_literal"])


@pytest.mark.parametrize("system", ["mysql", "mariadb"])
def test_mysql_has_strings_in_double_quotes(system):
    statement = 'SELECT concat("Ada", `b`), IF(a, "x", "y") FROM t WHERE b = _utf8mb4"z" AND c = "O\'Hara"'
    expected = "SELECT concat(?, `b`), IF(a, ?, ?) FROM t WHERE b = _utf8mb4? AND c = ?"
    assert normalise(statement, system) == expected


@pytest.mark.parametrize("key", ["db.query.text", "db.statement"])
def test_the_database_beside_a_statement_says_what_its_double_quotes_are(engine, key):
    statement = 'SELECT max("Ada") FROM t'
    for system, text in [("mysql", "SELECT max(?) FROM t"), ("postgresql", statement), ("mariadb", None)]:
        attributes = {key: statement, "db.system.name": system}
        clean = engine.attributes(attributes, "", [])
        assert clean[key] == (text or "SELECT max(?) FROM t")
    assert engine.attributes({key: statement, "db.system": "mysql"}, "", [])[key] == "SELECT max(?) FROM t"
    assert engine.attributes({key: statement}, "", [])[key] == statement
    assert engine.text(statement, key, []) == statement


def test_literals_have_their_places():
    statement = "WHERE n = 'Ada' AND id = 7"
    assert [statement[s.start : s.end] for s in literals(statement)] == ["'Ada'", "7"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('near "Hara": syntax error', 'near "[REDACTED]": syntax error'),
        (
            "syntax error at or near \"Hara\"\nLINE 1: SELECT a FROM b WHERE c = 'O'Hara'\n         ^",
            'syntax error at or near "[REDACTED]"\nLINE 1: SELECT a FROM b WHERE c = [SQL_LITERAL]',
        ),
        (
            'column "x" does not exist\nLINE 1: ...ra\' AND d = x\n     ^',
            'column "x" does not exist\nLINE 1: [REDACTED]\n     ^',
        ),
        (
            "(1064, \"You have an error in your SQL syntax; ... use near 'Hara' AND d' at line 1\")",
            "(1064, \"You have an error in your SQL syntax; ... use near '[REDACTED]' at line 1\")",
        ),
        (
            'invalid input syntax for type integer: "Pat O"Hara"',
            'invalid input syntax for type integer: "[REDACTED]"',
        ),
        (
            "Incorrect integer value: 'Pat O'Hara' for column 'age' at row 1",
            "Incorrect integer value: '[REDACTED]' for column 'age' at row 1",
        ),
        (
            "DataError: invalid input for query argument $1 in element #0 of executemany() sequence: 'Pat'\nb",
            "DataError: invalid input for query argument $1 in element #0 of executemany() sequence: [REDACTED]\nb",
        ),
        ("the shop near 'Main' street at line 4", "the shop near 'Main' street at line 4"),
    ],
)
def test_what_a_database_repeats_of_a_statement_goes(engine, message, expected):
    assert engine.text(message, "exception.message", []) == expected


def test_the_message_of_a_failed_statement_keeps_no_row(engine):
    message = (
        "(psycopg.errors.UniqueViolation) duplicate key value violates unique constraint\n"
        "DETAIL:  Key (email, name)=(ada@example.com, Ada) already exists.\n"
        "[SQL: INSERT INTO u (name) VALUES ('Ada')]\n[parameters: {'name': 'Ada', 'age': 36}]\n(Background on this error)"
    )
    clean = engine.text(message, "exception.message", [])
    assert "ada" not in clean.lower()
    assert "duplicate key value violates unique constraint" in clean


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "INSERT INTO customers (name, age) VALUES ('Ada O''Hara', 36)",
            "INSERT INTO customers (name, age) VALUES ([SQL_LITERAL], 36)",
        ),
        (
            "sqlalchemy.engine [generated in 0.00012s] ('Ada', 36)",
            "sqlalchemy.engine [generated in 0.00012s] [REDACTED]",
        ),
        (
            "(0.001) SELECT 1; args=('Ada',); alias=default",
            "(0.001) SELECT 1; args=[REDACTED]; alias=default",
        ),
        (
            "failed: INSERT INTO people (name, age) VALUES ('Ada O'Hara', 'x') here, it isn't",
            "failed: INSERT INTO people (name, age) VALUES ([SQL_LITERAL]) here, it isn't",
        ),
        ("SELECT a plan from Bob's list, don't wait", "SELECT a plan from Bob's list, don't wait"),
    ],
)
def test_statements_and_values_in_log_lines(engine, line, expected):
    assert engine.text(line, "body", []) == expected


@pytest.mark.parametrize(
    "statement",
    [
        'SELECT "a" FROM "auth_user" WHERE "auth_user"."username" = ? LIMIT ?',
        'SELECT "a" FROM "auth_user" WHERE "auth_user"."username" = %s LIMIT 21',
        "SELECT a FROM people WHERE first_name = $1 AND age > $2",
        "UPDATE people SET username = %(name)s WHERE id = %(id)s",
        "SELECT a FROM people WHERE street = ? ORDER BY a",
    ],
)
def test_a_placeholder_is_no_name_and_takes_no_keyword_along(engine, statement):
    hits = []
    assert engine.text(statement, "body", hits) == statement
    assert hits == []


def test_a_name_beside_a_placeholder_is_still_one(engine):
    assert engine.text("username = %sAda Lovelace, ok", "body", []) == "username = [NAME], ok"
    assert engine.text("username = Ada Lovelace", "body", []) == "username = [NAME]"
