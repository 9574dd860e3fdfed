from collections.abc import Iterator
from contextlib import closing, contextmanager

import pymysql

from tests.contract.row import Planted, Row, unobserved


class Calls:
    def __init__(self, connection) -> None:
        self.connection = connection

    def good(self, planted: Planted) -> object:
        literal = f"select '{planted.email}', '{planted.secret}', {planted.card} from user where User = %s"
        with self.connection.cursor() as cursor:
            cursor.execute(literal, (planted.unspoken,))
            return cursor.fetchall()

    def bad(self, planted: Planted) -> object:
        # The library puts parameters into the statement, and the server repeats the value in its message.
        with self.connection.cursor() as cursor:
            cursor.execute("insert into people (id, mail) values (%s, %s)", (planted.unspoken, planted.email))


@contextmanager
def opened(request) -> Iterator[Calls]:
    server = request.getfixturevalue("mariadb")
    connection = pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database=server.database,
    )
    with closing(connection):
        with unobserved(), connection.cursor() as cursor:
            cursor.execute("create temporary table people (id int, mail varchar(80))")
        yield Calls(connection)


ROW = Row(
    name="pymysql",
    open=opened,
    good=[("client", "SELECT user")],
    bad=[("client", "INSERT people")],
    error=("pymysql.err.DataError",),
)
