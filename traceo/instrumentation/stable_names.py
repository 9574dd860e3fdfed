"""Spans of other people's instrumentations, held to what ours promise.

Their tracers come from :class:`StableTracerProvider`: names of older conventions become those in force, an
error has its ``error.type`` and is recorded once, being cancelled is no error, content and keys of the app
are left out unless asked for, the text of what a server answered never leaves, and nothing is made when
nothing is wanted. Old names are those that semantic
conventions up to 1.36 call deprecated.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final

from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    TracerProvider,
    get_current_span,
    use_span,
)
from opentelemetry.util._decorator import _agnosticcontextmanager  # pyright: ignore[reportPrivateUsage]  the type the API demands
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.outcome import error_type, is_abandoned, record, record_without_text
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["First", "StableTracerProvider"]

First = Callable[[str, dict[str, Any]], str]
"""Gives a span its name, and may set right its attributes, before both are translated."""
_Read = Callable[[Any], AttributeValue | None]

_GRPC_CODES: Final[tuple[str, ...]] = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
_VERBS: Final = frozenset({"send", "receive", "process", "publish"})
_OPERATION_TYPES: Final[Mapping[str, str]] = {"publish": "send", "deliver": "process"}
_CONTENT: Final = frozenset(
    {
        semconv.GEN_AI_INPUT_MESSAGES,
        semconv.GEN_AI_OUTPUT_MESSAGES,
        semconv.GEN_AI_SYSTEM_INSTRUCTIONS,
        semconv.GEN_AI_TOOL_CALL_ARGUMENTS,
        semconv.GEN_AI_TOOL_CALL_RESULT,
        semconv.GEN_AI_TOOL_DEFINITIONS,
    }
)
_LEFT_OUT: Final = frozenset(
    {
        "messaging.destination_kind",
        "messaging.kafka.message.key",
        "messaging.kafka.message_key",
        "messaging.url",
        "db.user",
        "rpc.service",
        "retry_attempts",
    }
)


_LEFT_OUT_OF: Final[Mapping[str, frozenset[str]]] = {
    "pymongo": frozenset({"db.statement", semconv.DB_QUERY_TEXT}),  # the name of the command, once more
}


def _same(value: Any) -> AttributeValue | None:
    return value


def _version(value: Any) -> AttributeValue | None:
    return str(value).removeprefix("HTTP/")


def _absolute(value: Any) -> AttributeValue | None:
    return value if "://" in str(value) else None  # tornado's server gives the path once more


def _route(value: Any) -> AttributeValue | None:
    return value or None  # aiohttp's server has an empty one where no route fits


def _grpc_code(value: Any) -> AttributeValue | None:
    code = int(value)
    return _GRPC_CODES[code] if 0 <= code < len(_GRPC_CODES) else str(code)


def _operation(value: Any) -> AttributeValue | None:
    return _OPERATION_TYPES.get(str(value), str(value))


_RENAMED: Final[Mapping[str, tuple[str, _Read]]] = {
    semconv.NETWORK_PROTOCOL_VERSION: (semconv.NETWORK_PROTOCOL_VERSION, _version),
    semconv.URL_FULL: (semconv.URL_FULL, _absolute),
    semconv.HTTP_ROUTE: (semconv.HTTP_ROUTE, _route),
    "rpc.system": (semconv.RPC_SYSTEM_NAME, _same),
    "rpc.grpc.status_code": (semconv.RPC_RESPONSE_STATUS_CODE, _grpc_code),
    "rpc.user_agent": (semconv.USER_AGENT_ORIGINAL, _same),
    "http.status_code": (semconv.HTTP_RESPONSE_STATUS_CODE, _same),
    "db.system": (semconv.DB_SYSTEM_NAME, _same),
    "db.name": (semconv.DB_NAMESPACE, _same),
    "db.operation": (semconv.DB_OPERATION_NAME, _same),
    "db.statement": (semconv.DB_QUERY_TEXT, _same),
    "db.mongodb.collection": (semconv.DB_COLLECTION_NAME, _same),
    "gen_ai.system": (semconv.GEN_AI_PROVIDER_NAME, _same),
    "messaging.destination": (semconv.MESSAGING_DESTINATION_NAME, _same),
    semconv.MESSAGING_OPERATION_TYPE: (semconv.MESSAGING_OPERATION_TYPE, _operation),
    "messaging.operation": (semconv.MESSAGING_OPERATION_TYPE, _operation),
    "messaging.message_id": (semconv.MESSAGING_MESSAGE_ID, _same),
    "messaging.conversation_id": (semconv.MESSAGING_MESSAGE_CONVERSATION_ID, _same),
    "messaging.temp_destination": (semconv.MESSAGING_DESTINATION_TEMPORARY, _same),
    "messaging.kafka.partition": (semconv.MESSAGING_DESTINATION_PARTITION_ID, str),
    "messaging.kafka.message.offset": (semconv.MESSAGING_KAFKA_OFFSET, _same),
}
_RENAMED_BY_SIDE: Final[Mapping[bool, Mapping[str, tuple[str, _Read] | None]]] = {
    # True: at a server, where the peer is the client.
    True: {
        "net.peer.ip": (semconv.NETWORK_PEER_ADDRESS, _same),
        "net.peer.port": (semconv.NETWORK_PEER_PORT, int),
        "net.peer.name": None,
    },
    False: {
        "net.peer.ip": (semconv.NETWORK_PEER_ADDRESS, _same),
        "net.peer.port": (semconv.SERVER_PORT, int),
        "net.peer.name": (semconv.SERVER_ADDRESS, _same),
    },
}


class StableTracerProvider(TracerProvider):
    """Hands ``site``'s provider to an instrumentation, under the name that it has itself."""

    def __init__(self, site: Site, provider: TracerProvider, first: First | None = None) -> None:
        self._site = site
        self._provider = provider
        self._first = first

    def get_tracer(self, instrumenting_module_name: str, *args: Any, **kwargs: Any) -> Tracer:
        """A tracer whose spans are ours in all but name. The schema it was written for no longer holds."""
        kwargs.pop("schema_url", None)
        version = args[0] if args else kwargs.get("instrumenting_library_version")
        tracer = self._provider.get_tracer(instrumenting_module_name, version)
        return _StableTracer(self._site, tracer, self._first)


class _StableTracer(Tracer):
    def __init__(self, site: Site, tracer: Tracer, first: First | None) -> None:
        self._site = site
        self._tracer = tracer
        self._first = first

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        *_: Any,
        **__: Any,
    ) -> Span:
        current = otel.get_current() if context is None else context
        if not self._site.active or is_suppressed(current) or is_suppressed(otel.get_current()):
            return NonRecordingSpan(get_current_span(current).get_span_context())
        names = _Names(self._site, kind)
        attributes = dict(attributes or {})
        title: str | None = name
        try:
            title = _title(name if self._first is None else self._first(name, attributes), kind)
        except Exception as error:
            failed("contrib.title", error)
        if title is None:
            return NonRecordingSpan(get_current_span(current).get_span_context())
        new = names.translated(attributes)
        span = self._tracer.start_span(
            title,
            current,
            kind,
            new,
            links,
            start_time,
            record_exception=False,
            set_status_on_exception=False,
        )
        return (
            _StableSpan(span, names, new.get(semconv.RPC_RESPONSE_STATUS_CODE))
            if span.is_recording()
            else span
        )

    @_agnosticcontextmanager
    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002  the API's
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002  the API's
        end_on_exit: bool = True,  # noqa: FBT001, FBT002  the API's
    ) -> Generator[Span]:
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with use_span(
            span,
            end_on_exit=end_on_exit,
            record_exception=record_exception,
            set_status_on_exception=set_status_on_exception,
        ) as current:
            try:
                yield current
            except BaseException as error:
                if isinstance(span, _StableSpan) and is_abandoned(error):
                    # The API looks at an Exception only; and who ends a span in a callback may get none:
                    # gRPC's asyncio client.
                    span.record_exception(error)
                    span.end()
                raise


def _title(name: str, kind: SpanKind) -> str | None:
    """A name as conventions have it; None for a span that says nothing of its own."""
    if kind is SpanKind.PRODUCER or kind is SpanKind.CONSUMER:
        if name == "recv":  # confluent-kafka's, around the making of the span of the message
            return None
        destination, _, verb = name.rpartition(" ")
        return f"{verb} {destination}" if verb in _VERBS else name
    return name.removeprefix("/")  # a gRPC path


class _Names:
    """How the attributes of one span are called and which are left out."""

    __slots__ = ("_by_side", "_content", "_left_out", "says_errors")

    def __init__(self, site: Site, kind: SpanKind) -> None:
        self.says_errors = kind not in {SpanKind.CLIENT, SpanKind.PRODUCER}
        """Whether an error's text is the application's own; servers repeat in theirs what they got."""
        self._by_side = _RENAMED_BY_SIDE[kind is SpanKind.SERVER]
        self._content = site.options.capture_content
        self._left_out = _LEFT_OUT_OF.get(site.name, frozenset())

    def translated(self, attributes: Mapping[str, Any]) -> dict[str, AttributeValue]:
        new: dict[str, AttributeValue] = {}
        service = attributes.get("rpc.service")
        for name, value in attributes.items():
            try:
                if name == semconv.RPC_METHOD and service is not None:
                    new[name] = f"{service}/{value}"
                else:
                    self._translate(name, value, new)
            except Exception as error:  # this one is left out
                failed("contrib.names", error)
        return new

    def _translate(self, name: str, value: Any, into: dict[str, AttributeValue]) -> None:
        if name in _LEFT_OUT or name in self._left_out or (name in _CONTENT and not self._content):
            return
        if name == semconv.SERVER_ADDRESS:
            _tell_server(str(value), into)
            return
        rename = self._by_side.get(name, (name, _same)) if name.startswith("net.") else _RENAMED.get(name)
        if name.startswith("net.") and rename is None:
            return
        if rename is None:
            into[name] = value
            return
        name, read = rename
        translated = read(value)
        if translated is None:
            return
        into[name] = translated
        if name == semconv.MESSAGING_OPERATION_TYPE:
            into.setdefault(semconv.MESSAGING_OPERATION_NAME, translated)


def _tell_server(value: str, into: dict[str, AttributeValue]) -> None:
    """``host``, ``host:port`` (tornado's), or the first of the JSON ``["a:9092", "b:9092"]`` (aiokafka's)."""
    first = value.strip('["').partition('"')[0]
    host, colon, port = first.rpartition(":")
    if not colon or ":" in host or not port.isdecimal():
        into[semconv.SERVER_ADDRESS] = first
        return
    into[semconv.SERVER_ADDRESS] = host
    into.setdefault(semconv.SERVER_PORT, int(port))


class _StableSpan(Span):
    __slots__ = ("_code", "_error", "_failure", "_is_over", "_names", "_recorded", "_span")

    def __init__(self, span: Span, names: _Names, code: object) -> None:
        self._span = span
        self._names = names
        self._failure: Status | None = None
        self._is_over = False
        self._error: str | None = None
        self._code = code if isinstance(code, str) else None
        self._recorded: BaseException | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._span, name)  # what an implementation has beyond the API

    def get_span_context(self) -> SpanContext:
        return self._span.get_span_context()

    def is_recording(self) -> bool:
        return self._span.is_recording()

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        translated = self._names.translated(attributes)
        code = translated.get(semconv.RPC_RESPONSE_STATUS_CODE)
        self._code = code if isinstance(code, str) else self._code
        told = translated.get(semconv.ERROR_TYPE)
        self._error = told if isinstance(told, str) else self._error
        if translated:
            self._span.set_attributes(translated)

    def set_attribute(self, key: str, value: Any) -> None:
        self.set_attributes({key: value})

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        if name == semconv.EXCEPTION_EVENT and self._recorded is not None:
            return
        translated = self._names.translated(attributes or {})
        if name == semconv.EXCEPTION_EVENT and not self._names.says_errors:
            translated.pop(semconv.EXCEPTION_MESSAGE, None)
            translated.pop(semconv.EXCEPTION_STACKTRACE, None)
        self._span.add_event(name, translated, timestamp)

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        self._span.add_link(context, attributes)

    def update_name(self, name: str) -> None:
        self._span.update_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        code = status.status_code if isinstance(status, Status) else status
        # An error is said at the end, when all is known, without the text: servers repeat what they got.
        self._failure = Status(StatusCode.ERROR) if code is StatusCode.ERROR else None
        if self._failure is None:
            self._span.set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002  the API's
    ) -> None:
        del attributes, escaped
        if self._recorded is not None:
            return
        self._recorded = exception
        if type(exception) is Exception and not exception.args:
            return  # how a gRPC server leaves a handler that has told a status
        if is_abandoned(exception):
            return
        tell = record if self._names.says_errors else record_without_text
        tell(self._span, exception, at_ns=timestamp)

    def end(self, end_time: int | None = None) -> None:
        if self._is_over:
            return
        self._is_over = True
        try:
            self._conclude()
        except Exception as error:
            failed("contrib.end", error)
        self._span.end(end_time)

    def _conclude(self) -> None:
        raised = self._recorded
        if self._code == "CANCELLED" or (raised is not None and is_abandoned(raised)):
            self._failure = None
            if self._code == "OK":
                self.set_attribute(semconv.RPC_RESPONSE_STATUS_CODE, "CANCELLED")
            self._tell_type(raised)
            return
        if self._code == "OK" and raised is not None:
            # gRPC tells the client so when a handler raises, and its instrumentation tells nothing.
            self.set_attribute(semconv.RPC_RESPONSE_STATUS_CODE, "UNKNOWN")
            self._failure = Status(StatusCode.ERROR)
        if self._failure is None:
            return
        self._tell_type(raised)
        self._span.set_status(self._failure)

    def _tell_type(self, raised: BaseException | None) -> None:
        if self._error is not None:
            return
        code = self._code if self._code != "OK" else None
        why = code or ("_OTHER" if raised is None else error_type(raised))
        self._span.set_attribute(semconv.ERROR_TYPE, why)
