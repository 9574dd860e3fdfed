import asyncio
from contextlib import closing

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.ext.asyncio import create_async_engine

from tests.instrumentation.refusals import assert_refused_alike

CLIENT = 3
UNSET, ERROR = 0, 2


@pytest.fixture
def url(postgres):
    with closing(psycopg.connect(f"postgresql:{postgres.url}", autocommit=True)) as connection:
        connection.execute("drop table if exists orders")
        connection.execute("create table orders (id int primary key, mail text)")
    return f"postgresql:{postgres.url}"


@pytest.fixture
def connect(url):
    return lambda **settings: closing(psycopg.connect(url, autocommit=True, **settings))


def names(spans):
    return [span.name for span in spans.all()]


def test_a_statement_is_a_span_with_stable_names(spans, hook, connect, postgres):
    hook("psycopg")
    with spans.provider.get_tracer("test").start_as_current_span("outer"), connect() as connection:
        assert connection.execute("select id from orders where mail = %s", ("a",)).fetchall() == []
    outer, span = spans.all()
    assert (span.name, span.kind, span.parent_span_id) == ("SELECT orders", CLIENT, outer.span_id)
    assert dict(span.attributes) == {
        "db.system.name": "postgresql",
        "db.namespace": "postgres",
        "db.operation.name": "SELECT",
        "db.collection.name": "orders",
        "db.query.text": "select id from orders where mail = %s",
        "server.address": "127.0.0.1",
        "server.port": postgres.port,
    }


def test_many_rows_streams_copies_and_cursors_of_all_kinds_are_one_span_each(spans, hook, connect):
    hook("psycopg")
    with connect() as connection:
        cursor = connection.cursor()
        cursor.executemany("insert into orders values (%s, %s)", [(n, "a") for n in range(3)])
        with cursor.copy("copy orders (id) from stdin") as copy:
            copy.write_row((7,))
        assert [row[0] for row in cursor.stream("select id from orders order by id")] == [0, 1, 2, 7]
        with connection.transaction(), connection.cursor("named") as named:
            assert named.execute("select id from orders").fetchone() == (0,)
        psycopg.ClientCursor(connection).execute("select id from orders where id = %s", (1,))
        psycopg.RawCursor(connection).execute("select id from orders where id = $1", (1,))
        cursor.execute(query="select id from orders where id = %s", params=(1,))
        cursor.executemany("select id from orders where id = %s", params_seq=[(1,), (2,)])
        with cursor.copy(statement="copy orders to stdout") as copy:
            assert len(list(copy)) == 4
        connection.execute("")
        connection.execute(";")
    assert names(spans) == [
        "BATCH INSERT orders",
        "COPY orders",
        *["SELECT orders"] * 5,
        *["BATCH SELECT orders", "COPY orders"],
    ]
    assert spans.all()[0].attributes["db.operation.batch.size"] == 3


def test_a_stream_is_left_early_and_fails_late(spans, hook, connect):
    hook("psycopg")
    with connect() as connection:
        rows = connection.cursor().stream("select * from generate_series(1, 3)")
        assert next(rows) == (1,)
        rows.close()
        failing = connection.cursor().stream("select 1 / (2 - n) from generate_series(1, 3) n")
        with pytest.raises(psycopg.errors.DivisionByZero):
            list(failing)
    left, failed = spans.all()
    assert (left.status_code, "error.type" in left.attributes) == (UNSET, False)
    assert (failed.status_code, failed.attributes["db.response.status_code"]) == (ERROR, "22012")


def test_of_a_copy_the_databases_error_is_told_once_and_the_applications_own_by_its_type(
    spans, hook, connect
):
    hook("psycopg")
    mine = ZeroDivisionError("mine")
    with connect() as connection:
        with pytest.raises(ZeroDivisionError) as caught, connection.cursor().copy("copy orders from stdin"):
            raise mine
        with (
            pytest.raises(psycopg.errors.UndefinedTable),
            connection.cursor().copy("copy nowhere from stdin"),
        ):
            pass
    assert caught.value is mine
    assert [(s.name, s.attributes["error.type"], len(s.events)) for s in spans.all()] == [
        ("COPY orders", "ZeroDivisionError", 0),
        ("COPY nowhere", "psycopg.errors.UndefinedTable", 1),
    ]


def test_composed_statements_and_bytes_are_told_as_text(spans, hook, connect):
    hook("psycopg")
    with connect() as connection:
        table = sql.Identifier("orders")
        connection.execute(sql.SQL("select id from {} where mail = {}").format(table, sql.Literal("ada")))
        connection.execute(b"select id from orders")
    composed, plain = spans.all()
    assert (composed.name, plain.name) == ("SELECT orders", "SELECT orders")
    # As SQL, so that the pipeline knows the literal for one.
    assert composed.attributes["db.query.text"] == "select id from \"orders\" where mail = 'ada'"
    assert plain.attributes["db.query.text"] == "select id from orders"


def test_a_pipeline_has_a_span_a_statement(spans, hook, connect):
    hook("psycopg")
    with connect() as connection:
        with connection.pipeline():
            for n in range(3):
                connection.execute("insert into orders values (%s)", (n,))
        assert connection.execute("select count(*) from orders").fetchone() == (3,)
    assert names(spans) == ["INSERT orders"] * 3 + ["SELECT orders"]


def test_an_error_is_the_same_and_its_message_has_no_row(spans, hook, connect):
    def collide():
        with connect() as connection:
            connection.cursor().executemany("insert into orders values (%s, %s)", [(1, "ada"), (1, "bob")])

    with pytest.raises(psycopg.errors.UniqueViolation) as plain:
        collide()
    hook("psycopg")
    with pytest.raises(psycopg.errors.UniqueViolation) as hooked:
        collide()
    assert str(hooked.value) == str(plain.value)
    (span,) = spans.all()
    assert (span.status_code, span.attributes["error.type"]) == (ERROR, "psycopg.errors.UniqueViolation")
    assert span.attributes["db.response.status_code"] == "23505"
    (event,) = span.events
    assert event.attributes["exception.message"] == (
        'duplicate key value violates unique constraint "orders_pkey"'
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda connection: connection.cursor().execute(),
        lambda connection: connection.cursor().execute(7),
        lambda connection: connection.cursor().executemany("select 1"),
        lambda connection: (connection.close(), connection.cursor().execute("select 1")),
    ],
)
def test_a_wrong_call_is_refused_as_without_us_and_is_no_failure_of_ours(hook, connect, call):
    def outcome():
        with connect() as connection:
            try:
                return call(connection)
            except Exception as error:
                return type(error), str(error)

    assert_refused_alike(hook, "psycopg", outcome)


def test_asyncio_has_the_same_spans_with_the_right_parents(spans, hook, url):
    hook("psycopg")
    tracer = spans.provider.get_tracer("test")

    async def task(n):
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            with tracer.start_as_current_span(f"task {n}"):
                await connection.execute(f"select {n}")
                cursor = connection.cursor()
                await cursor.executemany("select %s", [(1,), (2,)])
                assert [row async for row in cursor.stream(f"select {n} from orders")] == []
                async with cursor.copy("copy orders to stdout") as copy:
                    assert [data async for data in copy] == []
                async with connection.transaction(), connection.cursor("named") as named:
                    await named.execute("select id from orders")
                with pytest.raises(psycopg.errors.UndefinedTable):
                    await connection.execute("select * from nowhere")

    async def several():
        await asyncio.gather(*(task(n) for n in range(3)))

    asyncio.run(several())
    parents = {span.span_id: span.name for span in spans.all() if span.kind != CLIENT}
    for n in range(3):
        mine = [span for span in spans.all() if parents.get(span.parent_span_id) == f"task {n}"]
        assert [(span.name, span.status_code) for span in mine] == [
            ("SELECT", UNSET),
            ("BATCH SELECT", UNSET),
            ("SELECT orders", UNSET),
            ("COPY orders", UNSET),
            ("SELECT orders", UNSET),
            ("SELECT nowhere", ERROR),
        ]


def test_a_cancelled_statement_is_no_failure(spans, hook, url):
    hook("psycopg")

    async def run():
        async with await psycopg.AsyncConnection.connect(url) as connection:
            task = asyncio.create_task(connection.execute("select pg_sleep(30)"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(task, 0.2)

    asyncio.run(run())
    (span,) = spans.all()
    assert (span.status_code, span.attributes["error.type"], list(span.events)) == (
        UNSET,
        "asyncio.exceptions.CancelledError",
        [],
    )


def test_under_sqlalchemy_sync_and_async_there_is_one_span(spans, hook, url):
    hook("psycopg,sqlalchemy")
    address = url.replace("postgresql:", "postgresql+psycopg:")

    def use(connection):
        connection.execute(sa.text("select id from orders"))

    engine = sa.create_engine(address, pool_pre_ping=True)
    for _ in range(2):
        with engine.connect() as connection:
            use(connection)
            connection.connection.dbapi_connection.execute("select 2")
    engine.dispose()

    async def run():
        engine = create_async_engine(address, pool_pre_ping=True)
        for _ in range(2):
            async with engine.connect() as connection:
                await connection.run_sync(use)
        await engine.dispose()

    asyncio.run(run())
    # But for what SQLAlchemy asks for once itself.
    told = [span for span in spans.all() if span.attributes["db.query.text"].startswith("select id")]
    beside = [span for span in spans.all() if span.attributes["db.query.text"] == "select 2"]
    drivers = [span for span in spans.all() if span.scope.name.endswith("psycopg")]
    assert {span.scope.name for span in told} == {"traceo.instrumentation.sqlalchemy"}
    assert (len(told), len(beside)) == (4, 2)
    assert [span.span_id for span in drivers] == [span.span_id for span in beside]


def test_connections_from_before_are_covered_and_uninstall_ends_it(spans, hook, connect):
    with connect() as connection:
        installed = hook("psycopg")
        connection.execute("select 1")
        installed.uninstall()
        connection.execute("select 2")
    assert [span.attributes["db.query.text"] for span in spans.all()] == ["select 1"]
