import asyncio
import sqlite3

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

CLIENT = 3
UNSET, ERROR = 0, 2


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    mail: Mapped[str] = mapped_column(unique=True)


@pytest.fixture
def engine(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path}/shop.db")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_statements_are_spans_with_stable_names(spans, hook, engine):
    hook("sqlalchemy")
    with spans.provider.get_tracer("test").start_as_current_span("outer"), Session(engine) as session:
        session.add(Order(id=1, mail="ada@example.com"))
        session.commit()
        assert session.scalar(sa.select(Order.mail).where(Order.id == 1)) == "ada@example.com"
    outer, insert, select = spans.all()
    assert [(s.name, s.kind, s.status_code, s.parent_span_id) for s in (insert, select)] == [
        ("INSERT orders", CLIENT, UNSET, outer.span_id),
        ("SELECT orders", CLIENT, UNSET, outer.span_id),
    ]
    text = select.attributes["db.query.text"]
    assert "FROM orders" in text
    assert dict(select.attributes) == {
        "db.system.name": "sqlite",
        "db.namespace": engine.url.database,
        "db.operation.name": "SELECT",
        "db.collection.name": "orders",
        "db.query.text": text,
    }
    assert "ada@example.com" not in repr(insert.attributes)


def test_many_rows_are_one_batch_span(spans, hook, engine):
    hook("sqlalchemy")
    with engine.begin() as connection:
        connection.execute(sa.insert(Order), [{"id": n, "mail": f"{n}@example.com"} for n in range(5)])
    (span,) = spans.all()
    assert (span.name, span.attributes["db.operation.batch.size"]) == ("BATCH INSERT orders", 5)
    assert span.attributes["db.operation.name"] == "BATCH INSERT"


def test_rows_with_returned_keys_are_one_span_too(spans, hook, engine):
    hook("sqlalchemy")
    with Session(engine) as session:
        session.add_all([Order(mail=f"{n}@example.com") for n in range(5)])
        session.commit()
    assert [span.name for span in spans.all()] == ["BATCH INSERT orders"]


def test_a_driver_error_is_recorded_once_without_statement_and_raised_unchanged(spans, hook, engine):
    with engine.begin() as connection:
        connection.execute(sa.insert(Order), {"id": 1, "mail": "ada@example.com"})

    def collide():
        with engine.begin() as connection:
            connection.execute(sa.insert(Order), {"id": 2, "mail": "ada@example.com"})

    with pytest.raises(sa.exc.IntegrityError) as plain:
        collide()
    hook("sqlalchemy")
    with pytest.raises(sa.exc.IntegrityError) as hooked:
        collide()
    assert str(hooked.value) == str(plain.value)
    assert type(hooked.value.orig) is sqlite3.IntegrityError
    (span,) = spans.all()
    assert (span.status_code, span.attributes["error.type"]) == (ERROR, "sqlite3.IntegrityError")
    assert span.attributes["db.response.status_code"] == "SQLITE_CONSTRAINT_UNIQUE"
    assert [event.attributes["exception.message"] for event in span.events] == [
        "UNIQUE constraint failed: orders.mail"
    ]
    assert "ada@example.com" not in repr([event.attributes for event in span.events])


def test_raw_text_and_literals_go_to_the_span_as_they_are_for_the_pipeline(spans, hook, engine):
    hook("sqlalchemy")
    with engine.connect() as connection:
        connection.execute(sa.text("select 1 from orders where mail = 'ada@example.com'"))
        connection.exec_driver_sql("PRAGMA user_version")
    first, second = spans.all()
    assert first.attributes["db.query.text"] == "select 1 from orders where mail = 'ada@example.com'"
    assert (first.name, second.name) == ("SELECT orders", "PRAGMA")


def test_parameters_are_captured_only_when_asked(spans, hook, engine):
    hook("sqlalchemy", capture_sql_parameters=True)
    with engine.connect() as connection:
        connection.execute(sa.text("select :a, :b from orders"), {"a": 1, "b": b"x"})
    (span,) = spans.all()
    captured = {k: v for k, v in span.attributes.items() if k.startswith("db.query.parameter.")}
    assert sorted(map(str, captured.values())) == ["1", "b'x'"]


def test_an_engine_made_before_the_hooks_is_covered_and_uninstall_ends_it(spans, hook, engine):
    from sqlalchemy.engine.base import Connection

    names = ("_exec_single_context", "_exec_insertmany_context", "_cursor_execute")
    originals = [vars(Connection)[name] for name in names]
    with engine.connect() as open_before:
        installed = hook("sqlalchemy")
        open_before.execute(sa.text("select 1"))
        installed.uninstall()
        open_before.execute(sa.text("select 2"))
    assert [span.attributes["db.query.text"] for span in spans.all()] == ["select 1"]
    assert all(vars(Connection)[name] is was for name, was in zip(names, originals, strict=True))


def test_a_failure_of_ours_leaves_the_statement_alone(spans, hook, engine, monkeypatch):
    from traceo.instrumentation import database, sqlalchemy

    def broken(*args):
        raise ZeroDivisionError

    hook("sqlalchemy")
    for room, name in ((database, "describe"), (sqlalchemy, "_attributes"), (database, "say")):
        with monkeypatch.context() as patch, engine.connect() as connection:
            patch.setattr(room, name, broken)
            assert connection.execute(sa.text("select 7")).scalar() == 7
            with pytest.raises(sa.exc.OperationalError, match="no such table: nowhere"):
                connection.execute(sa.text("select * from nowhere"))


def test_nothing_is_recorded_when_the_trace_is_not_sampled(spans, hook, engine):
    from opentelemetry import context, trace

    hook("sqlalchemy")
    ids = trace.SpanContext(7, 8, is_remote=False, trace_flags=trace.TraceFlags(0))
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(ids)))
    try:
        with engine.connect() as connection:
            assert connection.execute(sa.text("select 7")).scalar() == 7
    finally:
        context.detach(token)
    assert spans.all() == []


def test_statements_through_asyncio_and_greenlets_have_the_right_parents(spans, hook, engine):
    from sqlalchemy.util import greenlet_spawn

    tracer = spans.provider.get_tracer("test")

    def query(n):
        with engine.connect() as connection:
            connection.execute(sa.text(f"select {n}"))

    async def one(n):
        with tracer.start_as_current_span(f"task {n}"):
            await greenlet_spawn(query, n)  # what every async engine runs its statements in

    async def many():
        await asyncio.gather(*(one(n) for n in range(8)))

    hook("sqlalchemy")
    asyncio.run(many())
    tasks = {span.span_id: span.name for span in spans.all() if span.kind != CLIENT}
    statements = [span for span in spans.all() if span.kind == CLIENT]
    assert len(statements) == 8
    for span in statements:
        assert tasks[span.parent_span_id] == "task " + span.attributes["db.query.text"].split()[1]
