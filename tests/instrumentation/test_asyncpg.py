import asyncio

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from tests.instrumentation.refusals import assert_refused_alike

CLIENT = 3
UNSET, ERROR = 0, 2


@pytest.fixture
def use(postgres):
    """``use(work)`` runs ``await work(connection)`` on a connection with a table, and gives what it returns."""

    async def run(work):
        connection = await asyncpg.connect(f"postgresql:{postgres.url}")
        try:
            return await work(connection)
        finally:
            await connection.close()

    async def make(connection):
        await connection.execute("drop table if exists orders3")
        await connection.execute("create table orders3 (id int primary key, mail text)")

    asyncio.run(run(make))
    return lambda work: asyncio.run(run(work))


def names(spans):
    return [span.name for span in spans.all()]


def test_a_statement_is_a_span_with_stable_names(spans, hook, use, postgres):
    hook("asyncpg")

    async def work(connection):
        with spans.provider.get_tracer("test").start_as_current_span("outer"):
            return await connection.fetch("select id from orders3 where mail = $1", "a")

    assert use(work) == []
    outer, span = spans.all()
    assert (span.name, span.kind, span.parent_span_id) == ("SELECT orders3", CLIENT, outer.span_id)
    assert dict(span.attributes) == {
        "db.system.name": "postgresql",
        "db.namespace": "postgres",
        "db.operation.name": "SELECT",
        "db.collection.name": "orders3",
        "db.query.text": "select id from orders3 where mail = $1",
        "server.address": "127.0.0.1",
        "server.port": postgres.port,
    }


def test_every_way_to_run_a_statement_is_one_span(spans, hook, use):
    hook("asyncpg")

    async def work(connection):
        await connection.execute("insert into orders3 values (1, 'a')")
        await connection.execute("insert into orders3 values ($1, $2)", 2, "b")
        await connection.executemany("insert into orders3 values ($1, $2)", [(3, "c"), (4, "d")])
        assert await connection.fetchval("select count(*) from orders3") == 4
        assert (await connection.fetchrow("select id from orders3 order by id"))["id"] == 1
        assert len(await connection.fetchmany("select id from orders3 where id = $1", [(1,), (2,)])) == 2
        prepared = await connection.prepare("select id from orders3 where id > $1 order by id")
        assert [len(await prepared.fetch(n)) for n in (0, 2)] == [4, 2]
        assert await prepared.fetchval(3) == 4
        assert (await prepared.fetchrow(3))["id"] == 4
        assert len(await prepared.fetchmany([(0,), (3,)])) == 5
        await (await connection.prepare("delete from orders3 where id = $1")).executemany([(3,), (4,)])
        await connection.copy_records_to_table("orders3", records=[(5, "e"), (6, "f")])
        await connection.copy_to_table("orders3", source=_bytes(b"7\tg\n"))
        rows = []

        async def keep(data):
            rows.append(data)

        await connection.copy_from_table("orders3", output=keep)
        await connection.copy_from_query("select id from orders3 where id > $1", 6, output=keep)
        assert rows[-1] == b"7\n"

    use(work)
    assert names(spans) == [
        "INSERT orders3",
        "INSERT orders3",
        "BATCH INSERT orders3",
        "SELECT orders3",
        "SELECT orders3",
        "BATCH SELECT orders3",
        *["SELECT orders3"] * 4,
        "BATCH SELECT orders3",
        "BATCH DELETE orders3",
        "COPY orders3",
        "COPY orders3",
        "COPY orders3",
        "COPY",
    ]
    assert spans.all()[2].attributes["db.operation.batch.size"] == 2


async def _bytes(*chunks):
    for chunk in chunks:
        yield chunk


def test_cursors_and_transactions(spans, hook, use):
    hook("asyncpg")

    async def work(connection):
        await connection.executemany("insert into orders3 values ($1)", [(n,) for n in range(120)])
        async with connection.transaction():
            assert len([row async for row in connection.cursor("select id from orders3")]) == 120
            cursor = await connection.cursor("select id from orders3 order by id")
            assert (await cursor.fetchrow())["id"] == 0
            assert len(await cursor.fetch(200)) == 119
            async with connection.transaction():
                prepared = await connection.prepare("select id from orders3 limit $1")
                assert len([row async for row in prepared.cursor(7, prefetch=2)]) == 7
        with pytest.raises(ZeroDivisionError):
            async with connection.transaction(isolation="serializable", readonly=True):
                raise ZeroDivisionError
        async with connection.transaction():
            with pytest.raises(asyncpg.UndefinedTableError):
                async for _ in connection.cursor("select * from nowhere"):
                    pass

    use(work)
    assert names(spans) == ["BATCH INSERT orders3", *["SELECT orders3"] * 3, "SELECT nowhere"]
    assert [span.status_code for span in spans.all()] == [UNSET] * 4 + [ERROR]


def test_an_application_that_says_commit_itself_has_its_spans(spans, hook, use):
    hook("asyncpg")

    async def work(connection):
        for text in ("begin", "savepoint a", "commit"):
            await connection.execute(text)

    use(work)
    assert names(spans) == ["BEGIN", "SAVEPOINT", "COMMIT"]


def test_a_pool_has_one_span_a_statement_and_none_for_what_it_says_itself(spans, hook, use, postgres):
    hook("asyncpg")

    async def work(_):
        async with asyncpg.create_pool(f"postgresql:{postgres.url}", min_size=1, max_size=2) as pool:
            assert await pool.fetchval("select 1") == 1
            async with pool.acquire() as connection, connection.transaction():
                assert await connection.fetchval("select 2") == 2

    use(work)
    assert [span.attributes["db.query.text"] for span in spans.all()] == ["select 1", "select 2"]


def test_an_error_is_the_same_and_its_message_has_no_row(spans, hook, use):
    async def collide(connection):
        await connection.executemany("insert into orders3 values ($1, $2)", [(1, "ada"), (1, "bob")])

    with pytest.raises(asyncpg.UniqueViolationError) as plain:
        use(collide)
    hook("asyncpg")
    with pytest.raises(asyncpg.UniqueViolationError) as hooked:
        use(collide)
    assert str(hooked.value) == str(plain.value)
    (span,) = spans.all()
    assert span.attributes["error.type"] == "asyncpg.exceptions.UniqueViolationError"
    assert (span.status_code, span.attributes["db.response.status_code"]) == (ERROR, "23505")
    (event,) = span.events
    assert event.attributes["exception.message"] == (
        'duplicate key value violates unique constraint "orders3_pkey"'
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda connection: connection.execute(),
        lambda connection: connection.fetch(7),
        lambda connection: connection.executemany("select 1"),
        lambda connection: connection.fetchval("select $1::int", "a"),
        lambda connection: anext(connection.cursor("select 1").__aiter__()),
    ],
)
def test_a_wrong_call_is_refused_as_without_us_and_is_no_failure_of_ours(hook, use, call):
    async def outcome(connection):
        try:
            return await call(connection)
        except Exception as error:
            return type(error), str(error)

    assert_refused_alike(hook, "asyncpg", lambda: use(outcome))


def test_a_cancelled_statement_is_no_failure(spans, hook, use):
    hook("asyncpg")

    async def work(connection):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.execute("select pg_sleep(30)"), 0.2)

    use(work)
    (span,) = spans.all()
    assert (span.status_code, list(span.events)) == (UNSET, [])
    assert span.attributes["error.type"] == "asyncio.exceptions.CancelledError"


def test_parameters_are_captured_only_when_asked(spans, hook, use):
    hook("asyncpg", capture_sql_parameters=True)
    use(lambda connection: connection.fetch("select $1::int, $2::text", 7, "a"))
    (span,) = spans.all()
    assert {k: v for k, v in span.attributes.items() if k.startswith("db.query.parameter.")} == {
        "db.query.parameter.0": 7,
        "db.query.parameter.1": "a",
    }


def test_under_sqlalchemy_there_is_one_span(spans, hook, use, postgres):
    hook("asyncpg,sqlalchemy")

    async def work(_):
        engine = create_async_engine(f"postgresql+asyncpg:{postgres.url}", pool_pre_ping=True)
        for _ in range(2):
            async with engine.connect() as connection:
                await connection.execute(sa.text("select id from orders3"))
                async for _ in await connection.stream(sa.text("select id from orders3")):
                    pass
                await connection.commit()
                driver = (await connection.get_raw_connection()).driver_connection
                await driver.fetch("select 2")
        with pytest.raises(sa.exc.ProgrammingError):
            async with engine.connect() as connection:
                await connection.execute(sa.text("select * from nowhere"))
        await engine.dispose()

    use(work)
    assert [(span.name, span.scope.name.rpartition(".")[2]) for span in spans.all()] == [
        *[("SELECT orders3", "sqlalchemy"), ("SELECT orders3", "sqlalchemy"), ("SELECT", "asyncpg")] * 2,
        ("SELECT nowhere", "sqlalchemy"),
    ]
    assert spans.all()[-1].attributes["db.response.status_code"] == "42P01"


def test_connections_from_before_are_covered_and_uninstall_ends_it(spans, hook, use):
    async def work(connection):
        installed = hook("asyncpg")
        await connection.fetch("select 1")
        installed.uninstall()
        await connection.fetch("select 2")

    use(work)
    assert [span.attributes["db.query.text"] for span in spans.all()] == ["select 1"]
