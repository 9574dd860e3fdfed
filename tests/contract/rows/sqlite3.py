import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.contract.row import Planted, Row, unobserved


class Calls:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def good(self, planted: Planted) -> object:
        literal = f"select '{planted.email}', '{planted.secret}', {planted.card} from people where text = ?"
        return self.connection.execute(literal, (planted.unspoken,)).fetchall()

    def bad(self, planted: Planted) -> object:
        literal = f"insert into people (text, mail) values (?, '{planted.email}')"
        try:
            self.connection.cursor().execute(literal, (planted.unspoken,))
        except sqlite3.Error as error:  # raised in C: with us its innermost frame is ours
            return type(error), str(error)


@contextmanager
def opened(request) -> Iterator[Calls]:
    with closing(sqlite3.connect(":memory:")) as connection:
        with unobserved():
            connection.execute("create table people (text varchar)")
        yield Calls(connection)


ROW = Row(
    name="sqlite3",
    open=opened,
    good=[("client", "SELECT people")],
    bad=[("client", "INSERT people")],
    error=("sqlite3.OperationalError",),
)
