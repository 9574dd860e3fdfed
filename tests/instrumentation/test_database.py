import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.instrumentation.conftest import Spans
from traceo.instrumentation import database


class PostgresError(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.sqlstate = code


class MysqlError(Exception):
    pass


class SqliteError(Exception):
    sqlite_errorname = "SQLITE_ERROR"


STATEMENT = """SELECT a, "b"."c" FROM t, "shop".orders WHERE d = 'Pat O''Hara' -- Ada"""


def told(error, statement=STATEMENT):
    """The exception event of a statement that failed with ``error``, and its code."""
    spans = Spans("traceo")
    span = spans.provider.get_tracer("test").start_span("x", attributes={"db.query.text": statement})
    database.finish(span, None, error)
    (span,) = spans.all()
    (event,) = span.events
    return span.attributes.get("db.response.status_code"), event.attributes


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            PostgresError("22P02", 'invalid input syntax for type integer: "a "b" c"\nLINE 1: select 1'),
            "22P02",
            'invalid input syntax for type integer: "?"',
        ),
        (
            PostgresError("22003", 'value "99999999999" is out of range for type integer'),
            "22003",
            'value "?" is out of range for type integer',
        ),
        (
            PostgresError(
                "23505", 'duplicate key value violates unique constraint "k"\nDETAIL:  Key (a)=(7) …'
            ),
            "23505",
            'duplicate key value violates unique constraint "k"',
        ),
        (PostgresError("42601", 'syntax error at or near "\'ada"'), "42601", 'syntax error at or near "?"'),
        (PostgresError("42P01", 'relation "t" does not exist'), "42P01", 'relation "t" does not exist'),
        (
            MysqlError(1062, "Duplicate entry 'it's' for key 'no' for key 'mail'"),
            "1062",
            "Duplicate entry '?' for key 'mail'",
        ),
        (
            MysqlError(1064, "You have an error in your SQL syntax; check … near 'ada' at line 1"),
            "1064",
            "You have an error in your SQL syntax; check … near '?' at line 1",
        ),
        (
            MysqlError(1366, "Incorrect integer value: 'ada' for column `a`.`b`.`c` at row 1"),
            "1366",
            "Incorrect integer value: '?' for column `a`.`b`.`c` at row 1",
        ),
        (MysqlError(1146, "Table 'shop.orders' doesn't exist"), "1146", "Table 'shop.orders' doesn't exist"),
        (SqliteError('unrecognized token: "\'ada"'), "SQLITE_ERROR", 'unrecognized token: "?"'),
        (PostgresError("42P01", 'relation "ada" does not exist'), "42P01", 'relation "?" does not exist'),
        (PostgresError("42703", 'column "hara" does not exist'), "42703", 'column "?" does not exist'),
        (PostgresError("42703", 'column "c" does not exist'), "42703", 'column "c" does not exist'),
        (
            PostgresError("22000", "invalid input for query argument $1: 'a (b' (expected str, got int)"),
            "22000",
            "invalid input for query argument $1: ?",
        ),
        (
            MysqlError(1054, "Unknown column 'a' in 'where clause'"),
            "1054",
            "Unknown column 'a' in 'where clause'",
        ),
        (MysqlError(1146, "Table 'shop.ada' doesn't exist"), "1146", "Table '?' doesn't exist"),
        (
            MysqlError(1298, "Unknown or incorrect time zone: 'ada'"),
            "1298",
            "Unknown or incorrect time zone: '?'",
        ),
        (
            MysqlError(1526, "Table has no partition for value 777"),
            "1526",
            "Table has no partition for value ?",
        ),
        (SqliteError("no such table: t"), "SQLITE_ERROR", "no such table: t"),
        (SqliteError("no such column: ada"), "SQLITE_ERROR", "no such column: ?"),
        (
            SqliteError("malformed MATCH expression: [a hara]"),
            "SQLITE_ERROR",
            "malformed MATCH expression: ?",
        ),
        (SqliteError("JSON path error near 'ada'"), "SQLITE_ERROR", "JSON path error near '?'"),
        (SqliteError('near "Hara": syntax error'), "SQLITE_ERROR", 'near "?": syntax error'),
        (ConnectionResetError(104, "gone"), None, "[Errno 104] gone"),
    ],
)
def test_the_code_is_told_and_of_the_message_what_holds_no_value(error, code, message):
    found, event = told(error)
    assert (found, event["exception.message"]) == (code, message)
    assert event["exception.stacktrace"].endswith(f"{event['exception.type']}: {message}\n")


@given(st.text(max_size=40).map(lambda text: f"«{text}»"))
def test_no_value_stays_in_what_databases_say_about_values(value):
    for error in (
        PostgresError("22P02", f"invalid input syntax for type uuid: \"{value}\"\nLINE 1: … '{value}'"),
        PostgresError("23505", f"duplicate key value of\nDETAIL:  Key (mail)=({value}) already exists."),
        MysqlError(1062, f"Duplicate entry '{value}' for key 'mail'"),
        MysqlError(1292, f"Truncated incorrect DOUBLE value: '{value}'"),
        SqliteError(f'unrecognized token: "\'{value}"'),
    ):
        _, event = told(error)
        assert "«" not in event["exception.message"]
        assert "»" not in event["exception.stacktrace"].rpartition("Error: ")[2]


@pytest.mark.parametrize("code", ["P0001", "23505", "23514"])
def test_what_the_application_has_a_database_say_is_told_by_its_code(code):
    found, event = told(PostgresError(code, "ada is blocked"))
    assert (found, set(event)) == (code, {"exception.type"})
    found, event = told(MysqlError(1644, "ada is blocked"))
    assert (found, set(event)) == ("1644", {"exception.type"})


@given(st.text(max_size=40), st.sampled_from(["'", '"', "$a$", "''", "--", "/*"]))
def test_only_names_of_the_statement_stay_in_a_message(value, quote):
    statement = f"SELECT a FROM t WHERE b = 'x' AND c = ? {quote}{value}"
    for error in (
        PostgresError("42P01", f'relation "«{value}»" does not exist'),
        PostgresError("XX000", f"could not open «{value}»: '«{value}»"),
        MysqlError(1231, f"Variable 'sql_mode' can't be set to the value of '«{value}»'"),
        SqliteError(f"no such column: «{value}»"),
        SqliteError(f"JSON path error near '«{value}»'"),
    ):
        _, event = told(error, statement)
        if "could not open" not in event["exception.message"]:
            assert "«" not in event["exception.message"], event


def test_an_error_without_a_text_is_told_by_its_type():
    class MuteError(Exception):
        def __str__(self):
            raise ZeroDivisionError

    code, event = told(MuteError())
    assert (code, set(event)) == (None, {"exception.type"})
