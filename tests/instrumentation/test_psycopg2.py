import io
from contextlib import closing

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import psycopg2.extras
import psycopg2.pool
import pytest
import sqlalchemy as sa
from psycopg2 import sql

from tests.instrumentation.refusals import assert_refused_alike

CLIENT = 3
ERROR = 2


@pytest.fixture
def dsn(postgres):
    dsn = f"postgresql:{postgres.url}"
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("drop table if exists orders2")
        cursor.execute("create table orders2 (id int primary key, mail text)")
        cursor.execute("insert into orders2 values (1, 'a')")
    return dsn


def names(spans):
    return [span.name for span in spans.all()]


def test_a_statement_is_a_span_with_stable_names(spans, hook, dsn, postgres):
    hook("psycopg2")
    with (
        spans.provider.get_tracer("test").start_as_current_span("outer"),
        closing(psycopg2.connect(dsn)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select id from orders2 where mail = %s", ("a",))
        assert cursor.fetchall() == [(1,)]
        connection.commit()
    outer, span = spans.all()
    assert (span.name, span.kind, span.parent_span_id) == ("SELECT orders2", CLIENT, outer.span_id)
    assert dict(span.attributes) == {
        "db.system.name": "postgresql",
        "db.namespace": "postgres",
        "db.operation.name": "SELECT",
        "db.collection.name": "orders2",
        "db.query.text": "select id from orders2 where mail = %s",
        "server.address": "127.0.0.1",
        "server.port": postgres.port,
    }


def test_what_an_application_gets_is_what_the_library_wants_to_see(hook, dsn):
    hook("psycopg2")
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        assert isinstance(connection, psycopg2.extensions.connection)
        assert isinstance(cursor, psycopg2.extensions.cursor)
        assert (str(type(connection)), str(type(cursor))) == (
            str(psycopg2.extensions.connection),
            str(psycopg2.extensions.cursor),
        )
        # These take nothing but the C types and what is derived from them.
        psycopg2.extras.register_uuid(conn_or_curs=connection)
        psycopg2.extensions.register_type(psycopg2.extensions.UNICODE, cursor)
        assert psycopg2.extensions.quote_ident("a b", connection) == '"a b"'
        assert cursor.mogrify("%s", ("a",)) == b"'a'"


class AppCursor(psycopg2.extensions.cursor):
    def execute(self, query, variables=None):
        return super().execute(query.replace("!", "%s"), variables)


class AppConnection(psycopg2.extensions.connection):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.note = "mine"


def test_an_applications_own_classes_are_honoured_and_counted_once(spans, hook, dsn):
    hook("psycopg2")
    with closing(psycopg2.connect(dsn, connection_factory=AppConnection)) as connection:
        assert (isinstance(connection, AppConnection), connection.note) == (True, "mine")
        for cursor in (connection.cursor(cursor_factory=AppCursor), connection.cursor(None, AppCursor)):
            cursor.execute("select !", (7,))
            assert (isinstance(cursor, AppCursor), cursor.fetchone()) == (True, (7,))
    with closing(psycopg2.connect(dsn, cursor_factory=AppCursor)) as connection:
        assert isinstance(connection.cursor(), AppCursor)
    assert [span.attributes["db.query.text"] for span in spans.all()] == ["select %s"] * 2


@pytest.mark.parametrize(
    ("factory", "row"),
    [
        (psycopg2.extras.DictCursor, {"id": 1}),
        (psycopg2.extras.RealDictCursor, {"id": 1}),
        (psycopg2.extras.NamedTupleCursor, (1,)),
    ],
)
def test_the_librarys_other_cursors_work_and_are_counted_once(spans, hook, dsn, factory, row):
    hook("psycopg2")
    with closing(psycopg2.connect(dsn)) as connection:
        cursor = connection.cursor(cursor_factory=factory)
        cursor.execute("select id from orders2")
        found = cursor.fetchone()
        assert (dict(found) if isinstance(row, dict) else tuple(found)) == row
    with closing(psycopg2.connect(dsn, connection_factory=psycopg2.extras.DictConnection)) as connection:
        cursor = connection.cursor()
        cursor.execute("select id from orders2")
        assert cursor.fetchone()["id"] == 1
    assert names(spans) == ["SELECT orders2"] * 2


def test_many_rows_procedures_copies_and_named_cursors_are_one_span_each(spans, hook, dsn):
    hook("psycopg2")
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.executemany("insert into orders2 values (%s)", [(10,), (11,)])
        psycopg2.extras.execute_values(cursor, "insert into orders2 values %s", [(20, "a"), (21, "b")])
        cursor.callproc("pg_backend_pid")
        assert cursor.fetchone() == (connection.info.backend_pid,)
        cursor.copy_from(io.StringIO("30\tx\n"), "orders2")
        cursor.copy_to(io.StringIO(), "orders2")
        cursor.copy_expert("copy orders2 to stdout", io.StringIO())
        with connection.cursor("named") as named:
            named.execute("select id from orders2")
            assert len(list(named)) == 6
        cursor.execute(sql.SQL("select id from {}").format(sql.Identifier("orders2")))
        connection.rollback()
    assert names(spans) == [
        "BATCH INSERT orders2",
        "INSERT orders2",
        "CALL pg_backend_pid",
        "COPY orders2",
        "COPY orders2",
        "COPY orders2",
        "SELECT orders2",
        "SELECT orders2",
    ]
    batch, values, call = spans.all()[:3]
    assert batch.attributes["db.operation.batch.size"] == 2
    assert values.attributes["db.query.text"] == "insert into orders2 values (20,'a'),(21,'b')"
    assert call.attributes["db.stored_procedure.name"] == "pg_backend_pid"


def test_an_error_is_the_same_and_its_message_has_no_statement(spans, hook, dsn):
    def ask():
        with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
            cursor.execute("select id from orders2 where id = %s", ("ada",))

    with pytest.raises(psycopg2.errors.InvalidTextRepresentation) as plain:
        ask()
    hook("psycopg2")
    with pytest.raises(psycopg2.errors.InvalidTextRepresentation) as hooked:
        ask()
    assert str(hooked.value) == str(plain.value)
    (span,) = spans.all()
    assert span.status_code == ERROR
    assert span.attributes["error.type"] == "psycopg2.errors.InvalidTextRepresentation"
    assert span.attributes["db.response.status_code"] == "22P02"
    (event,) = span.events
    assert event.attributes["exception.message"] == 'invalid input syntax for type integer: "?"'


@pytest.mark.parametrize(
    "call",
    [
        lambda connection: connection.cursor().execute(),
        lambda connection: connection.cursor().execute(7),
        lambda connection: connection.cursor().executemany("select 1"),
        lambda connection: connection.cursor().callproc(),
        lambda connection: connection.cursor(nothing=1),
        lambda connection: (connection.close(), connection.cursor()),
        lambda connection: (cursor := connection.cursor(), connection.close(), cursor.execute("select 1")),
    ],
)
def test_a_wrong_call_is_refused_as_without_us_and_is_no_failure_of_ours(hook, dsn, call):
    def outcome():
        with closing(psycopg2.connect(dsn)) as connection:
            try:
                return call(connection)
            except Exception as error:
                return type(error), str(error)

    assert_refused_alike(hook, "psycopg2", outcome)


def test_a_pool_has_our_connections_and_uninstall_ends_it(spans, hook, dsn):
    original = psycopg2._connect
    installed = hook("psycopg2")
    pool = psycopg2.pool.SimpleConnectionPool(1, 2, dsn)
    connection = pool.getconn()
    cursor = connection.cursor()
    cursor.execute("select 1")
    installed.uninstall()
    cursor.execute("select 2")
    connection.cursor().execute("select 3")
    pool.putconn(connection)
    pool.closeall()
    assert [span.attributes["db.query.text"] for span in spans.all()] == ["select 1"]
    assert psycopg2._connect is original


def test_under_sqlalchemy_there_is_one_span(spans, hook, dsn):
    hook("psycopg2,sqlalchemy")
    engine = sa.create_engine(dsn.replace("postgresql:", "postgresql+psycopg2:"), pool_pre_ping=True)
    for _ in range(2):
        with engine.connect() as connection:
            connection.execute(sa.text("select id from orders2"))
            connection.connection.dbapi_connection.cursor().execute("select 2")
    engine.dispose()
    told = [span.attributes["db.query.text"] for span in spans.all() if span.scope.name.endswith("psycopg2")]
    assert told == ["select 2"] * 2
    assert names(spans).count("SELECT orders2") == 2
