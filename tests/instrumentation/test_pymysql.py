from contextlib import closing

import pymysql
import pytest
import sqlalchemy as sa
from pymysql.cursors import Cursor, DictCursor, SSCursor

from tests.instrumentation.refusals import assert_refused_alike

CLIENT = 3
ERROR = 2


@pytest.fixture
def settings(mariadb):
    settings = {"host": mariadb.host, "port": mariadb.port, "user": mariadb.user, "password": ""}
    with closing(pymysql.connect(**settings, autocommit=True)) as connection:
        cursor = connection.cursor()
        cursor.execute("create database if not exists shop")
        cursor.execute("drop table if exists shop.orders")
        cursor.execute("create table shop.orders (id int primary key, mail varchar(40))")
        cursor.execute("drop procedure if exists shop.add_up")
        cursor.execute("create procedure shop.add_up(a int, b int) select a + b")
    return {**settings, "database": "shop"}


def names(spans):
    return [span.name for span in spans.all()]


def test_a_statement_is_a_span_with_stable_names(spans, hook, settings):
    hook("pymysql")
    with (
        spans.provider.get_tracer("test").start_as_current_span("outer"),
        closing(pymysql.connect(**settings)) as connection,
    ):
        assert connection.cursor().execute("select id from orders where mail = %s", ("a",)) == 0
        connection.commit()
    outer, span = spans.all()
    assert (span.name, span.kind, span.parent_span_id) == ("SELECT orders", CLIENT, outer.span_id)
    assert dict(span.attributes) == {
        "db.system.name": "mariadb",
        "db.namespace": "shop",
        "db.operation.name": "SELECT",
        "db.collection.name": "orders",
        "db.query.text": "select id from orders where mail = %s",
        "server.address": "127.0.0.1",
        "server.port": settings["port"],
    }


def test_many_rows_procedures_and_cursors_of_all_kinds_are_one_span_each(spans, hook, settings):
    hook("pymysql")
    with closing(pymysql.connect(**settings)) as connection:
        cursor = connection.cursor()
        assert cursor.executemany("insert into orders values (%s, %s)", [(1, "a"), (2, "b")]) == 2
        assert cursor.executemany("update orders set mail = %s where id = %s", [("x", 1), ("y", 2)]) == 2
        cursor.executemany("insert into orders values (%s, %s)", [])
        assert cursor.callproc("add_up", (1, 2)) == (1, 2)
        assert cursor.fetchone() == (3,)
        while cursor.nextset():
            pass
        connection.cursor(DictCursor).execute("select id from orders")
        with connection.cursor(SSCursor) as streaming:
            streaming.execute("select id from orders")
            assert streaming.fetchall() == [(1,), (2,)]
    assert names(spans) == [
        "BATCH INSERT orders",
        "BATCH UPDATE orders",
        "CALL add_up",
        "SELECT orders",
        "SELECT orders",
    ]
    assert [span.attributes.get("db.operation.batch.size") for span in spans.all()[:3]] == [2, 2, None]
    assert spans.all()[2].attributes["db.stored_procedure.name"] == "add_up"


def test_an_error_is_the_same_and_its_message_has_no_value(spans, hook, settings):
    def collide():
        with closing(pymysql.connect(**settings)) as connection:
            connection.cursor().executemany("insert into orders values (%s, %s)", [(1, "a"), (1, "b")])

    with pytest.raises(pymysql.err.IntegrityError) as plain:
        collide()
    hook("pymysql")
    with pytest.raises(pymysql.err.IntegrityError) as hooked:
        collide()
    assert hooked.value.args == plain.value.args
    (span,) = spans.all()
    assert (span.status_code, span.attributes["error.type"]) == (ERROR, "pymysql.err.IntegrityError")
    assert span.attributes["db.response.status_code"] == "1062"
    (event,) = span.events
    assert event.attributes["exception.message"] == "Duplicate entry '?' for key 'PRIMARY'"


def test_parameters_are_captured_only_when_asked(spans, hook, settings):
    hook("pymysql", capture_sql_parameters=True)
    with closing(pymysql.connect(**settings)) as connection:
        connection.cursor().execute("select %s, %s", (7, "a"))
    (span,) = spans.all()
    assert {k: v for k, v in span.attributes.items() if k.startswith("db.query.parameter.")} == {
        "db.query.parameter.0": 7,
        "db.query.parameter.1": "a",
    }


@pytest.mark.parametrize(
    "call",
    [
        lambda connection: connection.cursor().execute(),
        lambda connection: connection.cursor().execute("select %s", (1, 2)),
        lambda connection: connection.cursor().executemany("select 1"),
        lambda connection: connection.cursor().callproc(),
        lambda connection: (connection.close(), connection.cursor().execute("select 1")),
        lambda connection: (cursor := connection.cursor(), cursor.close(), cursor.execute("select 1")),
    ],
)
def test_a_wrong_call_is_refused_as_without_us_and_is_no_failure_of_ours(hook, settings, call):
    def outcome():
        connection = pymysql.connect(**settings)
        try:
            return call(connection)
        except Exception as error:
            return type(error), str(error)
        finally:
            if connection.open:
                connection.close()

    assert_refused_alike(hook, "pymysql", outcome)


def test_under_sqlalchemy_there_is_one_span(spans, hook, settings):
    hook("pymysql,sqlalchemy")
    url = f"mysql+pymysql://root@{settings['host']}:{settings['port']}/shop"
    engine = sa.create_engine(url, pool_pre_ping=True)
    for _ in range(2):
        with engine.connect() as connection:
            connection.execute(sa.text("select id from orders"))
            connection.connection.dbapi_connection.cursor().execute("select 2")
    engine.dispose()
    told = [span for span in spans.all() if span.scope.name.endswith("pymysql")]
    assert [span.attributes["db.query.text"] for span in told if span.name == "SELECT"][-2:] == [
        "select 2"
    ] * 2
    ours = [span for span in spans.all() if span.name == "SELECT orders"]
    assert [span.scope.name for span in ours] == ["traceo.instrumentation.sqlalchemy"] * 2
    assert {span.attributes["db.system.name"] for span in ours} == {"mariadb"}


def test_connections_from_before_are_covered_and_uninstall_ends_it(spans, hook, settings):
    originals = [vars(Cursor)[name] for name in ("execute", "executemany", "callproc")]
    with closing(pymysql.connect(**settings)) as connection:
        installed = hook("pymysql")
        connection.cursor().execute("select 1")
        installed.uninstall()
        connection.cursor().execute("select 2")
    assert [span.attributes["db.query.text"] for span in spans.all()] == ["select 1"]
    assert [vars(Cursor)[name] for name in ("execute", "executemany", "callproc")] == originals
