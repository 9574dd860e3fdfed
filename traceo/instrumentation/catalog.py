"""The table: which libraries are hooked, by which module, tested with what, and what is captured.

A new library is one row here and one module with ``install(site)`` next to this one. Importing the table
imports neither the libraries nor their hook modules.
"""

import msgspec

__all__ = ["LIBRARIES", "Library", "is_newer", "is_older"]


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
    omits: str = ""
    """What of the library's business is not recorded, or only when asked."""
    stacked_under: tuple[str, ...] = ()
    """Rows whose library calls this one: when both are hooked, only the outer makes the span."""
    aliases: tuple[str, ...] = ()
    """Other names that select this row, those of ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` among them."""


_CONTRIB = "traceo.instrumentation.contrib"
"""By an instrumentation of the OpenTelemetry project, when that is installed."""

LIBRARIES: tuple[Library, ...] = (
    Library(
        name="fastapi",
        module="fastapi.applications",
        distribution="fastapi",
        tested=("0.116", "0.165"),
        hook="traceo.instrumentation.fastapi",
        captures="one server span a request or websocket, named by its route; FastAPI's own tracing is off",
        omits="bodies; headers and cookies unless named in `capture`",
        aliases=("asgi",),
    ),
    Library(
        name="starlette",
        module="starlette.applications",
        distribution="starlette",
        tested=("0.40", "1.10"),
        hook="traceo.instrumentation.starlette",
        captures="one server span a request or websocket, named by its route",
        omits="bodies; headers and cookies unless named in `capture`",
        stacked_under=("fastapi",),
        aliases=("asgi",),
    ),
    Library(
        name="litestar",
        module="litestar.app",
        distribution="litestar",
        tested=("2.17", "2.25"),
        hook="traceo.instrumentation.litestar",
        captures="one server span a request or websocket, named by its path template",
        omits="bodies; headers and cookies unless named in `capture`",
        stacked_under=("starlette", "fastapi"),
        aliases=("asgi",),
    ),
    Library(
        name="flask",
        module="flask.app",
        distribution="flask",
        tested=("2.3", "3.1"),
        hook="traceo.instrumentation.flask",
        captures="one server span a request, named by its rule, also in a Starlette mount",
        omits="bodies; headers and cookies unless named in `capture`",
        stacked_under=("starlette", "fastapi"),
        aliases=("wsgi",),
    ),
    Library(
        name="django",
        module="django.core.handlers.base",
        distribution="django",
        tested=("4.2", "6.1"),
        hook="traceo.instrumentation.django",
        captures="one server span a request, WSGI and ASGI, named by its route; no settings needed",
        omits="bodies; headers and cookies unless named in `capture`; templates and signals",
        stacked_under=("starlette", "fastapi"),
        aliases=("wsgi", "asgi"),
    ),
    Library(
        name="httpx",
        module="httpx",
        distribution="httpx",
        tested=("0.27", "0.28"),
        hook="traceo.instrumentation.httpx",
        captures="one client span a request on the wire: redirects and authentication retries have their own",
        omits="bodies; headers unless named in `capture`",
    ),
    Library(
        name="httpx2",
        module="httpx2",
        distribution="httpx2",
        tested=("2.16", "2.16"),
        hook="traceo.instrumentation.httpx2",
        captures="one client span a request on the wire: redirects and authentication retries have their own",
        omits="bodies; headers unless named in `capture`",
    ),
    Library(
        name="requests",
        module="requests",
        distribution="requests",
        tested=("2.32", "2.34"),
        hook="traceo.instrumentation.requests",
        captures="one client span a request on the wire, whatever the adapter; redirects have their own",
        omits="bodies; headers unless named in `capture`",
    ),
    Library(
        name="urllib3",
        module="urllib3",
        distribution="urllib3",
        tested=("2.0", "2.8"),
        hook="traceo.instrumentation.urllib3",
        captures="one client span a request on the wire: retries and redirects have their own",
        omits="bodies; headers unless named in `capture`",
        stacked_under=("requests",),
    ),
    Library(
        name="aiohttp",
        module="aiohttp",
        distribution="aiohttp",
        tested=("3.12", "3.14"),
        hook="traceo.instrumentation.aiohttp",
        captures="one client span a request on the wire: redirects and retries have their own",
        omits="bodies; headers unless named in `capture`",
        aliases=("aiohttp-client",),
    ),
    Library(
        name="sqlalchemy",
        module="sqlalchemy.engine.base",
        distribution="sqlalchemy",
        tested=("2.0", "2.1"),
        hook="traceo.instrumentation.sqlalchemy",
        captures="one client span a statement, sync and async engines",
        omits="results, fetching, commit and rollback; parameters unless `capture` has `sql_parameters`",
    ),
    Library(
        name="sqlite3",
        module="sqlite3",
        distribution="python",
        tested=("3.11", "3.13"),
        hook="traceo.instrumentation.sqlite3",
        captures="one client span a statement",
        omits="results, fetching, commit and rollback; parameters unless `capture` has `sql_parameters`",
        stacked_under=("sqlalchemy",),
    ),
    Library(
        name="psycopg",
        module="psycopg",
        distribution="psycopg",
        tested=("3.2", "3.3"),
        hook="traceo.instrumentation.psycopg",
        captures="one client span a statement, stream or COPY, sync and async",
        omits="results, fetching, commit and rollback; parameters unless `capture` has `sql_parameters`",
        stacked_under=("sqlalchemy",),
    ),
    Library(
        name="psycopg2",
        module="psycopg2",
        distribution="psycopg2-binary",
        tested=("2.9", "2.9"),
        hook="traceo.instrumentation.psycopg2",
        captures="one client span a statement, stored procedure or COPY",
        omits="results, fetching, commit and rollback; parameters unless `capture` has `sql_parameters`",
        stacked_under=("sqlalchemy",),
    ),
    Library(
        name="pymysql",
        module="pymysql",
        distribution="pymysql",
        tested=("1.1", "1.2"),
        hook="traceo.instrumentation.pymysql",
        captures="one client span a statement or stored procedure",
        omits="results, fetching, commit and rollback; parameters unless `capture` has `sql_parameters`",
        stacked_under=("sqlalchemy",),
    ),
    Library(
        name="asyncpg",
        module="asyncpg",
        distribution="asyncpg",
        tested=("0.30", "0.32"),
        hook="traceo.instrumentation.asyncpg",
        captures="one client span a statement, prepared, as a cursor, or COPY",
        omits="results, fetching, commit and rollback; parameters unless `capture` has `sql_parameters`",
        stacked_under=("sqlalchemy",),
    ),
    Library(
        name="redis",
        module="redis",
        distribution="redis",
        tested=("6.4", "8.1"),
        hook="traceo.instrumentation.redis",
        captures="one client span a command, pipeline or transaction, sync and async",
        omits="keys, values and results; subscriptions and what comes of them",
    ),
    Library(
        name="valkey",
        module="valkey",
        distribution="valkey",
        tested=("6.0", "6.2"),
        hook="traceo.instrumentation.valkey",
        captures="one client span a command, pipeline or transaction, sync and async",
        omits="keys, values and results; subscriptions and what comes of them",
    ),
    Library(
        name="celery",
        module="celery.app.base",
        distribution="celery",
        tested=("5.5", "5.7"),
        hook="traceo.instrumentation.celery",
        captures="one producer span a message sent, one consumer span a run of a task, in one trace; "
        "retries are no errors",
        omits="arguments, results, and what is said to the broker",
    ),
    Library(
        name="openai",
        module="openai",
        distribution="openai",
        tested=("1.66", "3.54"),
        hook="traceo.instrumentation.genai.openai",
        captures="one client span a call of a model (chat, responses, completions, embeddings), its stream "
        "included: model, tokens, cost, time to first chunk, names of tools",
        omits="prompts, answers and arguments of tools unless `capture` has `llm_content`",
    ),
    Library(
        name="anthropic",
        module="anthropic",
        distribution="anthropic",
        tested=("0.40", "2.12"),
        hook="traceo.instrumentation.genai.anthropic",
        captures="one client span a message, its stream included: model, tokens, cost, time to first chunk, "
        "names of tools; the library's own span of a message is off",
        omits="prompts, answers and arguments of tools unless `capture` has `llm_content`",
    ),
    Library(
        name="mcp",
        module="mcp",
        distribution="mcp",
        tested=("2.0", "2.3"),
        hook="traceo.instrumentation.genai.mcp",
        captures="one client span and one server span a request (tools, prompts, resources), in one trace; "
        "the library's own spans are off",
        omits="arguments and results unless `capture` has `llm_content`",
    ),
    Library(
        name="botocore",
        module="botocore.client",
        distribution="botocore",
        tested=("1.44", "1.44"),
        hook=_CONTRIB,
        captures="one client span a call and one a request; SQS, SNS and Lambda carry the context along",
        omits="parameters and answers",
    ),
    Library(
        name="grpc",
        module="grpc",
        distribution="grpcio",
        tested=("1.85", "1.85"),
        hook=_CONTRIB,
        captures="client and server spans, named by service and method",
        omits="messages and metadata",
        aliases=(
            "grpc-client",
            "grpc-server",
            "grpc_client",
            "grpc_server",
            "grpc_aio_client",
            "grpc_aio_server",
        ),
    ),
    Library(
        name="pymongo",
        module="pymongo",
        distribution="pymongo",
        tested=("4.20", "4.20"),
        hook=_CONTRIB,
        captures="one client span a command, named by operation and collection",
        omits="documents and filters",
    ),
    Library(
        name="confluent-kafka",
        module="confluent_kafka",
        distribution="confluent-kafka",
        tested=("2.16", "2.16"),
        hook=_CONTRIB,
        captures="Producer and Consumer, not their (de)serializing kinds: a span a message, named by topic",
        omits="keys, headers and bodies",
        aliases=("confluent_kafka",),
    ),
    Library(
        name="aiokafka",
        module="aiokafka",
        distribution="aiokafka",
        tested=("0.14", "0.14"),
        hook=_CONTRIB,
        captures="a span a message, named by topic; ended before it is sent, so without failures",
        omits="keys, headers and bodies",
    ),
    Library(
        name="aio-pika",
        module="aio_pika",
        distribution="aio-pika",
        tested=("10.2", "10.2"),
        hook=_CONTRIB,
        captures="a span a message sent and handled, named by exchange, with its routing key",
        omits="headers and bodies",
    ),
    Library(
        name="aiohttp-server",
        module="aiohttp.web",
        distribution="aiohttp",
        tested=("3.12", "3.14"),
        hook=_CONTRIB,
        captures="one server span a request, named by its route",
        omits="bodies and headers",
    ),
    Library(
        name="tornado",
        module="tornado.web",
        distribution="tornado",
        tested=("6.6", "6.6"),
        hook=_CONTRIB,
        captures="one server span a request, named by its route; AsyncHTTPClient: one client span a call",
        omits="bodies and headers",
    ),
    Library(
        name="google-genai",
        module="google.genai",
        distribution="google-genai",
        tested=("1.32", "3.4"),
        hook=_CONTRIB,
        captures="one client span a call, with model and tokens",
        omits="prompts and answers unless `capture` has `llm_content`",
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
        name="structlog",
        module="structlog",
        distribution="structlog",
        tested=("24.1", "26.1"),
        hook="traceo.instrumentation.structlog",
        captures="each event as a log line, its keys as attributes; once, also where it goes to logging",
        omits="what the application's levels and processors leave out",
    ),
    Library(
        name="loguru",
        module="loguru",
        distribution="loguru",
        tested=("0.7", "0.7"),
        hook="traceo.instrumentation.loguru",
        captures="each line with its extra fields; once, also where it goes to logging or comes from it",
        omits="what no sink of the application is to have",
    ),
    Library(
        name="opentelemetry-logs",
        module="opentelemetry._logs",
        distribution="opentelemetry-api",
        tested=("1.36", "1.45"),
        hook="traceo.instrumentation.otel_logs",
        captures="lines and events written with OpenTelemetry's logs API, while no logger provider is set",
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


def is_older(version: str, library: Library) -> bool:
    """Whether ``version`` is older than the oldest tested."""
    oldest = _numbers(library.tested[0])
    return _numbers(version)[: len(oldest)] < oldest


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
