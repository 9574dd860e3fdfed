"""PyMySQL, for MySQL and MariaDB: one client span a statement or stored procedure."""

from typing import Any

from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue
from pymysql.cursors import Cursor

from traceo import semconv
from traceo.instrumentation.database import ABOUT, About, Covering, about_all, cover, finish, uncover
from traceo.instrumentation.dbapi import Befores
from traceo.instrumentation.guard import around
from traceo.instrumentation.hooks import Site

__all__ = ["install"]


def install(site: Site) -> None:
    """Wrap the methods of the cursor; dictionary and unbuffered cursors inherit them."""
    befores = Befores(site, _of_cursor)

    def many(cursor: Any, query: object = "", args: Any = None, *others: object) -> Covering | None:
        # It runs execute once a row, or once a packet full of rows.
        return cover(befores.executemany(cursor, query, args, *others)) if args else None

    def one(cursor: Any, query: object = "", args: object = None, *others: object) -> Span | None:
        return befores.execute(cursor, query, args, *others)

    def procedure(cursor: Any, procname: object = "", args: object = (), *others: object) -> Span | None:
        return befores.callproc(cursor, procname, args, *others)

    where = "pymysql.execute"
    site.replace(Cursor, "execute", lambda original: around(original, where, one, finish))
    site.replace(Cursor, "executemany", lambda original: around(original, where, many, uncover))
    site.replace(Cursor, "callproc", lambda original: around(original, where, procedure, finish))


def _of_cursor(cursor: Any) -> About:
    connection = cursor.connection
    if connection is None:  # closed: the library is about to say so
        return about_all({semconv.DB_SYSTEM_NAME: "mysql"})
    about: About | None = getattr(connection, ABOUT, None)
    if about is not None:
        return about
    version = getattr(connection, "server_version", "")  # comes with the server's greeting
    attributes: dict[str, AttributeValue] = {
        semconv.DB_SYSTEM_NAME: "mariadb" if "MariaDB" in version else "mysql"
    }
    database = connection.db
    if database:
        attributes[semconv.DB_NAMESPACE] = (
            database.decode("utf-8", "replace") if isinstance(database, bytes) else str(database)
        )
    if connection.unix_socket:
        attributes[semconv.SERVER_ADDRESS] = connection.unix_socket
    elif connection.host:
        attributes[semconv.SERVER_ADDRESS] = connection.host
        attributes[semconv.SERVER_PORT] = connection.port
    about = about_all(attributes)
    if version:
        setattr(connection, ABOUT, about)
    return about
