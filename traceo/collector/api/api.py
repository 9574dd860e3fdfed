"""The query API under ``/api``: Litestar, msgspec Structs, OpenAPI."""
# ruff: noqa: ARG001  parameters are declared for the OpenAPI document and read, all at once, by query.filters

from typing import Annotated, Any, cast

import msgspec
from litestar import Litestar, MediaType, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import PathParameter, QueryParameter

from traceo._version import __version__
from traceo.collector import journal
from traceo.collector.api.docs import CSP, STYLE, docs_page
from traceo.collector.api.given import given
from traceo.collector.api.metrics import metric_routes
from traceo.collector.counters import Counters
from traceo.collector.http import App
from traceo.collector.keys import Keys
from traceo.collector.problems import Problem, problem_body
from traceo.collector.query.engine import Engine
from traceo.collector.query.filters import check_names, trace_id_from, trace_query
from traceo.collector.query.search import TracePage, search
from traceo.collector.query.services import OperationList, ServiceList, operations, services
from traceo.collector.query.trace import Trace, trace
from traceo.collector.store.store import Store

__all__ = ["query_api"]

_NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_DESCRIPTION = """What the collector of Traceo knows, as JSON.

Times named *_unix_nano are unix nanoseconds as decimal text (they exceed 2^53), durations are numbers of
nanoseconds, ids are lower-case hexadecimal. Integer attributes beyond 2^53 are text, bytes are base64.
Errors are
RFC 9457 problems (application/problem+json)."""


class Status(msgspec.Struct, frozen=True):
    """Stored rows, and what happened since the start of the process."""

    version: str
    spans: int
    logs: int
    metric_points: int
    batches: int
    duplicates: int
    rejected: int
    rejected_spans: int
    rejected_points: int
    replayed: int
    unreadable: int
    pending_bytes: int
    wal_bytes: int
    segments: int
    segment_bytes: int
    rejected_by_reason: dict[str, int]
    dropped_by_senders: dict[str, int]
    """What applications say they could not deliver, by reason; spans, log lines and data points together."""


def query_api(*, engine: Engine, store: Store, counters: Counters, keys: Keys) -> App:
    """Make the application; its handlers that touch the store run in threads."""

    @get("/api/traceo/services", summary="Services", sync_to_thread=True)
    def get_services(request: Request[Any, Any, Any]) -> ServiceList:
        """All services that have spans, with counts of spans and errors."""
        check_names(given(request), ())
        return services(store)

    @get("/api/traceo/operations", summary="Operations of a service", sync_to_thread=True)
    def get_operations(
        request: Request[Any, Any, Any],
        service: Annotated[str | None, QueryParameter(description="name of the service; required")] = None,
    ) -> OperationList:
        """Span names and kinds of one service, with counts."""
        check_names(given(request), ("service",))
        if not service:
            raise Problem(
                400,
                "parameter",
                "A parameter is wrong",
                "query parameter service: it is missing; give a service's name",
            )
        return operations(store, service)

    @get("/api/traceo/traces", summary="Search traces", sync_to_thread=True)
    def get_traces(
        request: Request[Any, Any, Any],
        service: Annotated[str | None, QueryParameter(description="name of the span's service")] = None,
        operation: Annotated[str | None, QueryParameter(description="name of the span")] = None,
        start: Annotated[
            str | None, QueryParameter(description="earliest start: unix nanoseconds or RFC 3339")
        ] = None,
        end: Annotated[
            str | None, QueryParameter(description="latest start: unix nanoseconds or RFC 3339")
        ] = None,
        min_duration_ms: Annotated[
            str | None, QueryParameter(description="shortest duration of the span")
        ] = None,
        max_duration_ms: Annotated[
            str | None, QueryParameter(description="longest duration of the span")
        ] = None,
        status: Annotated[str | None, QueryParameter(description="unset, ok or error")] = None,
        attribute: Annotated[
            list[str] | None,
            QueryParameter(description="key:value of the span or its resource; repeatable, all must hold"),
        ] = None,
        limit: Annotated[
            str | None, QueryParameter(description="traces a page, 1 to 1000; 20 if not given")
        ] = None,
        cursor: Annotated[str | None, QueryParameter(description="next of the page before")] = None,
    ) -> TracePage:
        """Traces that have one span for which all filters hold, newest first.

        The order is by the start of the earliest matching span.
        """
        return search(engine, trace_query(given(request)))

    @get("/api/traceo/traces/{trace_id:str}", summary="One trace", sync_to_thread=True)
    def get_trace(
        request: Request[Any, Any, Any],
        trace_id: Annotated[str, PathParameter(description="1 to 32 hexadecimal digits")],
    ) -> Trace:
        """All spans and log lines of a trace."""
        check_names(given(request), ())
        found = trace(engine, trace_id_from(trace_id))
        if found is None:
            raise Problem(404, "unknown-trace", "No such trace", "no span with this trace id is stored")
        return found

    @get("/api/traceo/status", summary="Status", sync_to_thread=True)
    def get_status() -> Status:
        """Counts of what is stored and of what happened since the start."""
        store.settle()
        figures = store.figures()
        names = Status.__struct_fields__
        return Status(
            version=__version__,
            rejected=counters.rejected.total(),
            rejected_spans=counters.rejected_spans,
            rejected_points=counters.rejected_points,
            rejected_by_reason=dict(counters.rejected),
            dropped_by_senders=counters.sender_drops.by_reason(),
            **{name: value for name, value in figures.items() if name in names},
        )

    @get("/api/traceo/keys", summary="Public keys", media_type=MediaType.JSON, sync_to_thread=True)
    def get_keys() -> Response[bytes]:
        """The signed set of public keys that senders seal to."""
        return Response(keys.publish(), media_type=MediaType.JSON)

    @get("/api/docs", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=False)
    def get_docs(request: Request[Any, Any, Any]) -> Response[bytes]:
        page = docs_page(request.app.openapi_schema.to_schema())
        return Response(page, media_type=MediaType.HTML, headers={"content-security-policy": CSP})

    @get("/api/docs.css", include_in_schema=False, sync_to_thread=False)
    def get_docs_style() -> Response[bytes]:
        return Response(STYLE, media_type=MediaType.CSS)

    @get("/api/openapi.json", include_in_schema=False, sync_to_thread=False)
    def get_openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        return Response(
            msgspec.json.encode(request.app.openapi_schema.to_schema()), media_type=MediaType.JSON
        )

    app = Litestar(
        [
            get_services,
            get_operations,
            get_traces,
            get_trace,
            *metric_routes(engine=engine, store=store),
            get_status,
            get_keys,
            get_docs,
            get_docs_style,
            get_openapi,
        ],
        openapi_config=OpenAPIConfig(
            title="Traceo collector",
            version=__version__,
            description=_DESCRIPTION,
            use_handler_docstrings=True,
            path="/api/_schema",
            render_plugins=[JsonRenderPlugin()],
        ),
        exception_handlers={
            Problem: _answer_problem,
            HTTPException: _answer_http,
            Exception: _answer_unexpected,
        },
        response_headers=_NO_STORE,
        logging_config=None,
    )
    return cast("App", app)


def _problem_response(problem: Problem) -> Response[bytes]:
    return Response(
        problem_body(problem),
        status_code=problem.status,
        media_type="application/problem+json",
        headers={**_NO_STORE, **{name.decode(): value.decode() for name, value in problem.headers}},
    )


def _answer_problem(_request: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    return _problem_response(problem)


def _answer_http(_request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    headers = tuple((name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items())
    if error.status_code == 404:
        problem = Problem(404, "unknown-path", "Not found", "see /api/docs for what there is")
    elif error.status_code == 405:
        problem = Problem(
            405, "method", "Method not allowed", "the query API is read with GET", headers=headers
        )
    else:
        problem = Problem(error.status_code, "request", "The request is wrong", error.detail, headers=headers)
    return _problem_response(problem)


def _answer_unexpected(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    journal.error("query failed", cause=type(error).__name__)
    return _problem_response(
        Problem(500, "internal", "Internal error", "the collector failed on this request; see its log")
    )
