from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, connection) -> None:
        self.connection = connection

    def good(self, planted: Planted) -> object:
        literal = (
            f"select '{planted.email}', '{planted.secret}', {planted.card} from pg_class where relname = %s"
        )
        with self.connection.cursor() as cursor:
            cursor.execute(literal, (planted.unspoken,))
            return cursor.fetchall()

    def bad(self, planted: Planted) -> object:
        # The library puts parameters into the statement, and the server repeats that in its message.
        statement = "select * from pg_class where relname = %s and relpages = %s"
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement, (planted.email, planted.unspoken))
        except psycopg2.Error as error:  # raised in C: with us its innermost frame is ours
            return type(error), str(error)


@contextmanager
def opened(request) -> Iterator[Calls]:
    server = request.getfixturevalue("postgres")
    with closing(psycopg2.connect(f"postgresql:{server.url}")) as connection:
        connection.autocommit = True
        yield Calls(connection)


ROW = Row(
    name="psycopg2",
    open=opened,
    good=[("client", "SELECT pg_class")],
    bad=[("client", "SELECT pg_class")],
    error=("psycopg2.errors.InvalidTextRepresentation",),
)
