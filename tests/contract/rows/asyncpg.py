import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from tests.contract.row import Planted, Row, unobserved


class Calls:
    def __init__(self, loop: asyncio.AbstractEventLoop, connection) -> None:
        self.loop = loop
        self.connection = connection

    def good(self, planted: Planted) -> object:
        literal = (
            f"select '{planted.email}', '{planted.secret}', {planted.card} from pg_class where relname = $1"
        )
        return self.loop.run_until_complete(self.connection.fetch(literal, planted.unspoken))

    def bad(self, planted: Planted) -> object:
        literal = f"insert into people (mail, text) values ('{planted.email}', $1), ('{planted.email}', $2)"
        statement = self.connection.execute(literal, planted.unspoken, planted.secret)
        return self.loop.run_until_complete(statement)


@contextmanager
def opened(request) -> Iterator[Calls]:
    server = request.getfixturevalue("postgres")
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(f"postgresql:{server.url}"))
    try:
        with unobserved():
            made = connection.execute("create temporary table people (mail text primary key, text text)")
            loop.run_until_complete(made)
        yield Calls(loop, connection)
    finally:
        loop.run_until_complete(connection.close())
        loop.close()


ROW = Row(
    name="asyncpg",
    open=opened,
    good=[("client", "SELECT pg_class")],
    bad=[("client", "INSERT people")],
    error=("asyncpg.exceptions.UniqueViolationError",),
)
