from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from tests.contract.row import Planted, Row, unobserved


class Calls:
    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection

    def good(self, planted: Planted) -> object:
        literal = (
            f"select '{planted.email}', '{planted.secret}', {planted.card} from pg_class where relname = %s"
        )
        return self.connection.execute(literal, (planted.unspoken,)).fetchall()

    def bad(self, planted: Planted) -> object:
        literal = f"insert into people (mail, text) values ('{planted.email}', %s), (%s, '{planted.secret}')"
        self.connection.execute(literal, (planted.unspoken, planted.email))


@contextmanager
def opened(request) -> Iterator[Calls]:
    server = request.getfixturevalue("postgres")
    with closing(psycopg.connect(f"postgresql:{server.url}", autocommit=True)) as connection:
        with unobserved():
            connection.execute("create temporary table people (mail text primary key, text text)")
        yield Calls(connection)


ROW = Row(
    name="psycopg",
    open=opened,
    good=[("client", "SELECT pg_class")],
    bad=[("client", "INSERT people")],
    error=("psycopg.errors.UniqueViolation",),
)
