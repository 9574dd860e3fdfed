from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def opened(request) -> Iterator[Calls]:
    # One connection: a database in memory is gone with it.
    engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
    with unobserved(), engine.begin() as connection:
        connection.exec_driver_sql("create table people (text varchar)")
    try:
        yield Calls(engine)
    finally:
        engine.dispose()


ROW = Row(
    name="sqlalchemy",
    open=opened,
    good=[("client", "SELECT people")],
    bad=[("client", "INSERT people")],
    error=("sqlite3.OperationalError",),
)
