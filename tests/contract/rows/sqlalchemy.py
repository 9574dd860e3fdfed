from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import sqlalchemy
from sqlalchemy.pool import StaticPool

from tests.contract.row import Planted, Row, unobserved


class Calls:
    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self.engine = engine

    def good(self, planted: Planted) -> object:
        literal = (
            f"select '{planted.email}', '{planted.secret}', {planted.card} from people where text = :text"
        )
        with self.engine.connect() as connection:
            return connection.execute(sqlalchemy.text(literal), {"text": planted.unspoken}).all()

    def bad(self, planted: Planted) -> object:
        literal = f"insert into people (text, mail) values (:text, '{planted.email}')"
        with self.engine.connect() as connection:
            connection.execute(sqlalchemy.text(literal), {"text": planted.unspoken})


class CaughtCalls(Calls):
    def bad(self, planted: Planted) -> object:
        try:
            return super().bad(planted)
        except sqlalchemy.exc.DBAPIError as error:  # raised in C: its innermost frame is ours
            return type(error), str(error), type(error.orig)


Opened = Callable[[pytest.FixtureRequest], AbstractContextManager[Calls]]


def opened(make: Callable[[sqlalchemy.Engine], Calls], driver: str = "", server: str = "") -> Opened:
    @contextmanager
    def run(request) -> Iterator[Calls]:
        address = request.getfixturevalue(server).url if server else "//"
        # One connection: a temporary table, or a database in memory, is gone with it.
        engine = sqlalchemy.create_engine(f"{driver}:{address}", poolclass=StaticPool)
        with unobserved(), engine.begin() as connection:
            connection.exec_driver_sql("create temporary table people (text varchar(80))")
        try:
            yield make(engine)
        finally:
            engine.dispose()

    return run


def row(error: str, opens: Opened, also: tuple[str, ...] = ()) -> Row:
    return Row(
        name="sqlalchemy",
        open=opens,
        good=[("client", "SELECT people")],
        bad=[("client", "INSERT people")],
        error=(error,),
        also=also,
    )


SQLITE_ERROR = "sqlite3.OperationalError"
POSTGRES_ERROR = "errors.UndefinedColumn"
ROWS = [
    row(SQLITE_ERROR, opened(Calls, "sqlite")),
    row(SQLITE_ERROR, opened(CaughtCalls, "sqlite"), ("sqlite3",)),
    row(f"psycopg.{POSTGRES_ERROR}", opened(Calls, "postgresql+psycopg", "postgres"), ("psycopg",)),
    row(
        f"psycopg2.{POSTGRES_ERROR}",
        opened(CaughtCalls, "postgresql+psycopg2", "postgres"),
        ("psycopg2",),
    ),
    row("pymysql.err.OperationalError", opened(Calls, "mysql+pymysql", "mariadb"), ("pymysql",)),
]
