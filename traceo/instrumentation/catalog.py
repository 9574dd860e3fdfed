"""The table: which libraries are hooked, by which module, tested with what, and what is captured.

A new library is one row here and one module with ``install(site)`` next to this one. Importing the table
imports neither the libraries nor their hook modules.
"""

import msgspec

__all__ = ["LIBRARIES", "Library", "is_newer"]


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """One row. ``tested`` is an inclusive range of version prefixes: ``("2.0", "2.1")`` covers 2.1.9."""

    name: str
    """What a user writes in ``TRACEO_INSTRUMENT``."""
    module: str
    """Hooked when the app has imported this module."""
    distribution: str
    tested: tuple[str, str]
    hook: str | None
    """Our module with ``install(site)``; ``None``: another room does the work."""
    captures: str
    stacked_under: tuple[str, ...] = ()
    """Rows whose library calls this one: when both are hooked, only the outer makes the span."""
    aliases: tuple[str, ...] = ()
    """Other names that select this row, those of ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` among them."""


LIBRARIES: tuple[Library, ...] = (
    Library(
        name="fastapi",
        module="fastapi.applications",
        distribution="fastapi",
        tested=("0.116", "0.165"),
        hook="traceo.instrumentation.fastapi",
        captures="one server span a request or websocket, named by its route; FastAPI's own tracing is off",
        aliases=("asgi",),
    ),
    Library(
        name="starlette",
        module="starlette.applications",
        distribution="starlette",
        tested=("0.40", "1.10"),
        hook="traceo.instrumentation.starlette",
        captures="one server span a request or websocket, named by its route",
        stacked_under=("fastapi",),
        aliases=("asgi",),
    ),
    Library(
        name="httpx",
        module="httpx",
        distribution="httpx",
        tested=("0.27", "0.28"),
        hook="traceo.instrumentation.httpx",
        captures="one client span a request on the wire: redirects and authentication retries have their own",
    ),
    Library(
        name="sqlalchemy",
        module="sqlalchemy.engine.base",
        distribution="sqlalchemy",
        tested=("2.0", "2.1"),
        hook="traceo.instrumentation.sqlalchemy",
        captures="one client span a statement, sync and async engines; parameters only when asked",
    ),
    Library(
        name="threading",
        module="threading",
        distribution="python",
        tested=("3.11", "3.14"),
        hook="traceo.instrumentation.threads",
        captures="no span: a thread runs in the context of whoever started it",
    ),
    Library(
        name="executors",
        module="concurrent.futures.thread",
        distribution="python",
        tested=("3.11", "3.14"),
        hook="traceo.instrumentation.executors",
        captures="no span: a task of a ThreadPoolExecutor runs in the context of whoever submitted it",
        aliases=("threading",),
    ),
    Library(
        name="logging",
        module="logging",
        distribution="python",
        tested=("3.11", "3.14"),
        hook=None,
        captures="each record as a log line, with the ids of the current span",
    ),
)


def is_newer(version: str, library: Library) -> bool:
    """Whether ``version`` is newer than the newest tested: hooked all the same, and flagged."""
    newest = _numbers(library.tested[1])
    return _numbers(version)[: len(newest)] > newest


def _numbers(version: str) -> tuple[int, ...]:
    numbers: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)
