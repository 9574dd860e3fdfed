import functools
import os
import sqlite3
import threading
from contextlib import closing

import pytest
import sqlalchemy as sa
from opentelemetry import context as otel

import traceo.instrumentation.sqlite3 as room
from traceo.instrumentation import database, dbapi
from traceo.instrumentation.guard import failures

CLIENT = 3
ERROR = 2


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "shop.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table orders (id integer primary key, mail text)")
        connection.executemany("insert into orders values (?, ?)", [(n, f"{n}@a.example") for n in range(3)])
    return path


def test_a_statement_is_a_span_with_stable_names(spans, hook, path):
    hook("sqlite3")
    with (
        spans.provider.get_tracer("test").start_as_current_span("outer"),
        closing(sqlite3.connect(path)) as connection,
    ):
        cursor = connection.cursor()
        assert cursor.execute("select id from orders where id = ?", (1,)) is cursor
        assert cursor.fetchall() == [(1,)]
    outer, span = spans.all()
    assert (span.name, span.kind, span.parent_span_id) == ("SELECT orders", CLIENT, outer.span_id)
    assert dict(span.attributes) == {
        "db.system.name": "sqlite",
        "db.namespace": path,
        "db.operation.name": "SELECT",
        "db.collection.name": "orders",
        "db.query.text": "select id from orders where id = ?",
    }


def test_the_shortcuts_of_a_connection_are_one_span_each(spans, hook, path):
    hook("sqlite3")
    with closing(sqlite3.connect(path)) as connection, connection:
        cursor = connection.execute("select 1 from orders")
        cursor.execute("select 2 from orders").fetchall()
        connection.executemany("insert into orders (mail) values (?)", [("a",), ("b",)])
        connection.executemany("insert into orders (mail) values (?)", (row for row in [("c",)]))
        connection.commit()
        connection.rollback()
        connection.executescript("create table t (a); drop table t")
    assert [(s.name, s.attributes.get("db.operation.batch.size")) for s in spans.all()] == [
        ("SELECT orders", None),
        ("SELECT orders", None),
        ("BATCH INSERT orders", 2),
        ("BATCH INSERT orders", None),
        ("CREATE t", None),
    ]


def test_what_an_application_gets_is_what_it_asked_for(hook, path):
    hook("sqlite3")
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.cursor()
        assert isinstance(connection, sqlite3.Connection)
        assert isinstance(cursor, sqlite3.Cursor)
        assert cursor.connection is connection
        assert (str(type(connection)), str(type(cursor))) == (
            str(sqlite3.Connection),
            str(sqlite3.Cursor),
        )
        assert repr(connection).startswith("<sqlite3.Connection object at ")
        assert not hasattr(connection, "__dict__")
        connection.row_factory = sqlite3.Row
        assert connection.execute("select id from orders").fetchone()["id"] == 0
        with closing(sqlite3.connect(":memory:")) as copy:
            connection.backup(copy)
            assert copy.execute("select count(*) from orders").fetchone() == (3,)


class AppCursor(sqlite3.Cursor):
    def execute(self, text, *args):
        return super().execute(text.replace("!", "?"), *args)


class AppConnection(sqlite3.Connection):
    __slots__ = ("note",)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.note = "mine"

    def cursor(self):
        return super().cursor(AppCursor)


@pytest.mark.filterwarnings("ignore:Passing more than 1 positional argument:DeprecationWarning")
@pytest.mark.parametrize("way", ["keyword", "position"])
def test_an_applications_own_classes_are_honoured_and_counted_once(spans, hook, path, way):
    hook("sqlite3")
    if way == "keyword":
        connection = sqlite3.connect(path, factory=AppConnection)
    else:
        connection = sqlite3.connect(path, 5.0, 0, None, True, AppConnection)
    with closing(connection):
        cursor = connection.cursor()
        assert cursor.execute("select id from orders where id = !", (2,)).fetchall() == [(2,)]
        assert (type(connection).__name__, connection.note) == ("AppConnection", "mine")
        assert isinstance(connection, AppConnection)
        assert isinstance(cursor, AppCursor)
    assert [span.attributes["db.query.text"] for span in spans.all()] == [
        "select id from orders where id = ?"
    ]


def test_a_cursor_class_given_to_cursor_is_honoured(spans, hook, path):
    hook("sqlite3")
    with closing(sqlite3.connect(path)) as connection:
        for cursor in (connection.cursor(AppCursor), connection.cursor(factory=AppCursor)):
            assert isinstance(cursor, AppCursor)
            cursor.execute("select !", (1,))
        again = connection.cursor(type(cursor))
        assert type(again) is type(cursor)
        made = connection.cursor(functools.partial(AppCursor))
        assert type(made) is AppCursor
    assert len(spans.all()) == 2


class FinalCursor(sqlite3.Cursor):
    def __init_subclass__(cls):
        raise TypeError("no subclasses")


def test_a_class_that_cannot_be_subclassed_is_taken_as_it_is(spans, hook, path):
    hook("sqlite3")
    before = sum(failures().values())
    with closing(sqlite3.connect(path)) as connection:
        cursors = [connection.cursor(FinalCursor) for _ in range(2)]
        assert [type(cursor) for cursor in cursors] == [FinalCursor] * 2
        assert cursors[0].execute("select 7").fetchone() == (7,)
    assert spans.all() == []
    assert sum(failures().values()) > before


def test_a_factory_that_is_a_function_is_left_alone(spans, hook, path):
    hook("sqlite3")
    with closing(sqlite3.connect(path, factory=lambda *a, **k: sqlite3.Connection(path))) as connection:
        assert type(connection) is sqlite3.Connection
        connection.execute("select 1")
    assert spans.all() == []


def test_connections_from_before_pass_and_those_made_meanwhile_fall_silent(spans, hook, path):
    originals = sqlite3.connect, sqlite3.dbapi2.connect
    with closing(sqlite3.connect(path)) as before:
        installed = hook("sqlite3")
        assert before.execute("select 1").fetchone() == (1,)
        with closing(sqlite3.dbapi2.connect(path)) as meanwhile:
            cursor = meanwhile.cursor()
            installed.uninstall()
            assert cursor.execute("select 2").fetchone() == (2,)
            assert meanwhile.execute("select 3").fetchone() == (3,)
            assert type(meanwhile.cursor()) is sqlite3.Cursor
            meanwhile.executemany("insert into orders (mail) values (?)", [("a",)])
            meanwhile.executescript("select 4")
    assert spans.all() == []
    assert (sqlite3.connect, sqlite3.dbapi2.connect) == originals


def test_an_error_is_the_same_and_told_once(spans, hook, path):
    def collide():
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("insert into orders values (?, ?)", (1, "ada@example.com"))

    with pytest.raises(sqlite3.IntegrityError) as plain:
        collide()
    hook("sqlite3")
    with pytest.raises(sqlite3.IntegrityError) as hooked:
        collide()
    assert str(hooked.value) == str(plain.value)
    (span,) = spans.all()
    assert (span.status_code, span.attributes["error.type"]) == (ERROR, "sqlite3.IntegrityError")
    assert span.attributes["db.response.status_code"] == "SQLITE_CONSTRAINT_PRIMARYKEY"
    (event,) = span.events
    assert event.attributes["exception.message"] == "UNIQUE constraint failed: orders.id"


@pytest.mark.parametrize(
    "call",
    [
        lambda connection: connection.execute(),
        lambda connection: connection.execute(7),
        lambda connection: connection.execute("select ?", 7),
        lambda connection: connection.cursor().execute(),
        lambda connection: connection.cursor().executemany("select ?", 7),
        lambda connection: connection.cursor("no factory"),
        lambda connection: connection.cursor(factory=None),
        lambda connection: connection.cursor(nothing=1),
        lambda connection: (connection.close(), connection.execute("select 1")),
    ],
)
def test_a_wrong_call_is_refused_as_without_us_and_is_no_failure_of_ours(hook, path, call):
    def outcome():
        connection = sqlite3.connect(path)
        try:
            return call(connection)
        except Exception as error:
            return type(error), str(error)
        finally:
            connection.close()

    plain = outcome()
    before = failures()
    hook("sqlite3")
    hooked = outcome()
    assert hooked == plain or (str(type(hooked)), failures()) == (str(type(plain)), before)
    assert failures() == before


def test_parameters_are_captured_only_when_asked(spans, hook, path):
    hook("sqlite3", capture_sql_parameters=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("select ?, ?", (7, b"x"))
        connection.execute("select :a", {"a": "b"})
    captured = [
        {k: v for k, v in span.attributes.items() if k.startswith("db.query.parameter.")}
        for span in spans.all()
    ]
    assert captured == [
        {"db.query.parameter.0": 7, "db.query.parameter.1": "b'x'"},
        {"db.query.parameter.a": "b"},
    ]


def test_the_options_of_a_uri_stay_here(spans, hook, path):
    hook("sqlite3")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.execute("select 1")
    with closing(sqlite3.connect(database=os.fsencode(path))) as connection:
        connection.execute("select 1")
    assert [span.attributes["db.namespace"] for span in spans.all()] == [f"file:{path}", path]


def test_aiosqlite_connects_as_ever(spans, hook, path):
    hook("sqlite3")
    module = {"__name__": "aiosqlite.core", "sqlite3": sqlite3}
    exec("def connector(path): return sqlite3.connect(path)", module)
    with closing(module["connector"](path)) as connection:
        assert type(connection) is sqlite3.Connection


@pytest.mark.parametrize(
    ("room", "name"),
    [(dbapi, "begin"), (dbapi, "wanted"), (database, "say"), (dbapi.Leaves, "_make"), (room, "_about")],
)
def test_a_failure_of_ours_leaves_the_statement_alone(spans, hook, path, monkeypatch, room, name):
    def broken(*args, **kwargs):
        raise ZeroDivisionError

    hook("sqlite3")
    before = sum(failures().values())
    monkeypatch.setattr(room, name, broken)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select id from orders").fetchall() == [(0,), (1,), (2,)]
        assert connection.cursor().execute("select 7").fetchone() == (7,)
        assert isinstance(connection.cursor(AppCursor), AppCursor)
        with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
            connection.execute("select * from nowhere")
    assert sum(failures().values()) > before


def test_nothing_when_suppressed(spans, hook, path):
    hook("sqlite3")
    token = otel.attach(otel.set_value(otel._SUPPRESS_INSTRUMENTATION_KEY, value=True))
    try:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("select 7").fetchone() == (7,)
    finally:
        otel.detach(token)
    assert spans.all() == []


def test_threads_have_their_own_parents(spans, hook, path):
    hook("sqlite3")
    tracer = spans.provider.get_tracer("test")

    def work(n):
        with tracer.start_as_current_span(f"work {n}"), closing(sqlite3.connect(path)) as connection:
            for _ in range(5):
                connection.execute(f"select {n}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    works = {span.span_id: span.name for span in spans.all() if span.kind != CLIENT}
    statements = [span for span in spans.all() if span.kind == CLIENT]
    assert len(statements) == 20
    for span in statements:
        assert works[span.parent_span_id] == "work " + span.attributes["db.query.text"].split()[1]


def test_under_sqlalchemy_there_is_one_span_and_beside_it_its_own(spans, hook, path):
    hook("sqlite3,sqlalchemy")
    engine = sa.create_engine(f"sqlite:///{path}", pool_pre_ping=True)
    with engine.connect() as connection:
        connection.execute(sa.text("select 1 from orders"))
        connection.execute(sa.text("insert into orders (mail) values (:m)"), [{"m": "a"}, {"m": "b"}])
        connection.connection.dbapi_connection.execute("select 2")
        with pytest.raises(sa.exc.OperationalError):
            connection.execute(sa.text("select * from nowhere"))
    with engine.connect() as connection:  # the pool asks first whether it is alive
        connection.execute(sa.text("select 3"))
    engine.dispose()
    assert [(span.name, span.scope.name.rpartition(".")[2]) for span in spans.all()] == [
        ("SELECT orders", "sqlalchemy"),
        ("BATCH INSERT orders", "sqlalchemy"),
        ("SELECT", "sqlite3"),
        ("SELECT nowhere", "sqlalchemy"),
        ("SELECT", "sqlalchemy"),
    ]


def test_when_sqlalchemys_hook_is_off_or_fails_the_drivers_tells(spans, hook, path, monkeypatch):
    from traceo.instrumentation import sqlalchemy

    hook("sqlite3,sqlalchemy")
    engine = sa.create_engine(f"sqlite:///{path}")

    def broken(*args):
        raise ZeroDivisionError

    with engine.connect() as connection, monkeypatch.context() as patch:
        patch.setattr(sqlalchemy, "begin", broken)
        connection.execute(sa.text("select 1 from orders"))
    engine.dispose()
    assert [span.scope.name for span in spans.all()] == ["traceo.instrumentation.sqlite3"]
