"""PEP 249 cursors: what runs before and after their methods, and subclasses for cursors written in C.

A C type cannot be patched, and a proxy would not be an instance of it. So the connection that the
application gets is of a subclass, and so are its cursors: of the library's class, or of the application's
own where it asks for one. Ours stands between the two: an application's ``execute`` that calls the library's
is one statement.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.database import ABOUT, About, about_all, begin, begin_call, wanted
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site

__all__ = ["Befores", "Leaves", "of_libpq", "text_of"]

_MAX_BYTES = 32_768
"""Of a statement in bytes, which some libraries build of thousands of rows, no more is decoded."""
_MAX_LEAVES = 256

_C = TypeVar("_C")
_Abouts = Callable[[Any], About]


def text_of(query: object, cursor: object) -> str:
    """The statement as text: ``str``, bytes, a composed query, a template string (without its values)."""
    if isinstance(query, str):
        return query
    if isinstance(query, (bytes, bytearray)):
        return bytes(query[:_MAX_BYTES]).decode("utf-8", "replace")
    as_string = getattr(query, "as_string", None)
    if as_string is not None:
        try:
            return str(as_string(cursor))
        except Exception:  # not to be composed: the library is about to say so
            return ""
    strings: Any = getattr(query, "strings", None)
    return "?".join(strings) if isinstance(strings, tuple) else ""  # pyright: ignore[reportUnknownArgumentType]  a template string, of Python 3.14


def of_libpq(cursor: Any) -> About:
    """What all statements of a PostgreSQL connection have in common; the connection remembers it."""
    connection = cursor.connection
    about: About | None = getattr(connection, ABOUT, None)
    if about is not None:
        return about
    attributes: dict[str, AttributeValue] = {semconv.DB_SYSTEM_NAME: "postgresql"}
    try:
        info = connection.info
        database, host, port = info.dbname, info.host, info.port
    except Exception:  # closed: the library is about to say so
        return about_all(attributes)
    if database:
        attributes[semconv.DB_NAMESPACE] = database
    if host:
        attributes[semconv.SERVER_ADDRESS] = host
        if not host.startswith("/"):  # otherwise the folder of a unix socket, whose name holds the port
            attributes[semconv.SERVER_PORT] = int(port)
    about = about_all(attributes)
    setattr(connection, ABOUT, about)
    return about


class Befores:
    """What runs before a cursor's method. ``about`` gives, of a cursor, what its statements have in common.

    The arguments have defaults, so that a call that the library is going to refuse is refused by it.
    """

    __slots__ = ("_about", "_site")

    def __init__(self, site: Site, about: _Abouts) -> None:
        self._site = site
        self._about = about

    def execute(
        self, cursor: Any, query: object = "", parameters: object = None, *args: object, **kwargs: object
    ) -> Span | None:
        """One statement."""
        del args
        context = wanted(self._site)
        if context is None:
            return None
        if kwargs:  # psycopg's names
            query = query or kwargs.get("statement", "")
            parameters = parameters or kwargs.get("params") or kwargs.get("vars")
        return begin(self._site, context, self._about(cursor), text_of(query, cursor), parameters)

    def executemany(
        self, cursor: Any, query: object = "", rows: Any = None, *args: object, **kwargs: object
    ) -> Span | None:
        """One statement for many rows."""
        del args
        context = wanted(self._site)
        if context is None:
            return None
        if kwargs:
            rows = rows or kwargs.get("params_seq") or kwargs.get("vars_list")
        count = len(rows) if hasattr(rows, "__len__") else -1
        return begin(self._site, context, self._about(cursor), text_of(query, cursor), rows=count)

    def callproc(
        self,
        cursor: Any,
        procname: object = "",
        parameters: object = None,
        *args: object,
        **kwargs: object,
    ) -> Span | None:
        """A stored procedure."""
        del args, kwargs
        context = wanted(self._site)
        if context is None:
            return None
        return begin_call(self._site, context, self._about(cursor), procname, parameters)


class Leaves(Generic[_C]):
    """Subclasses of an application's classes with ``mixin``, itself a subclass of the library's, beneath."""

    def __init__(self, where: str, mixin: type[Any], slots: tuple[str, ...] = ()) -> None:
        self._where = where
        self._mixin = mixin
        self._slots = slots
        self._made: dict[type[_C], type[_C]] = {}

    def of(self, cls: type[_C]) -> type[_C]:
        """The subclass of ``cls``; ``cls`` itself where there can be none, or where it is one of ours."""
        if not isinstance(cls, type):  # pyright: ignore[reportUnnecessaryIsInstance]  an app may give a function
            return cls
        try:
            made = self._made.get(cls)
            if made is None:
                if len(self._made) >= _MAX_LEAVES:  # an application that makes a class for each connection
                    self._made.clear()
                made = self._made[cls] = self._make(cls)
        except Exception as error:  # not to be subclassed, or not a class of this library at all
            failed(self._where, error)
            return cls
        return made

    def _make(self, cls: type[_C]) -> type[_C]:
        mixin = self._mixin
        if issubclass(cls, mixin):
            return cls
        bases = (mixin,) if cls in mixin.__bases__ else (cls, mixin)
        names = {"__slots__": self._slots, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
        make = cast("Any", type(cls))  # a metaclass of the app's, perhaps
        return make(cls.__name__, bases, {**names, "__doc__": cls.__doc__})
