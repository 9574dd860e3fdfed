"""Which histogram a span belongs to, and under which of its attributes: the semantic conventions as a table.

A row is found by the kind of the span and by its marker, the attribute that says what the span is; the first
that fits counts. Only attributes with few values are here: routes and not paths, models and not prompts.
Some libraries still write the names of earlier conventions, so a value may be read under another name.
"""

import msgspec
from opentelemetry.trace import SpanKind

from traceo import semconv

__all__ = ["FAMILIES", "OTHER", "TOKENS", "Row", "Shape", "Tokens"]

_SECOND = 1_000_000_000
_SERVER, _CLIENT = SpanKind.SERVER, SpanKind.CLIENT
_PRODUCER, _CONSUMER = SpanKind.PRODUCER, SpanKind.CONSUMER


def _ns(*seconds: float) -> tuple[int, ...]:
    return tuple(round(one * _SECOND) for one in seconds)


# The conventions' advice.
_BOUNDS = _ns(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_DB_BOUNDS = _ns(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
_MODEL_BOUNDS = _ns(*(0.01 * 2**n for n in range(14)))
_MCP_BOUNDS = _ns(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
_TOKEN_BOUNDS = tuple(4**n for n in range(14))


class Shape(msgspec.Struct, frozen=True):
    """One histogram. Values are whole numbers of ``1 / scale`` of its unit."""

    metric: str
    description: str
    reads: tuple[str, ...]
    """Span attributes, in the order of a series' values."""
    names: tuple[str, ...]
    """The metric's names for them; the last is for the error, or what stands in its place."""
    bounds: tuple[int, ...]
    unit: str = "s"
    scale: int = _SECOND


class Tokens(Shape, frozen=True):
    """A histogram that counts what attributes say instead of time."""

    counts: tuple[tuple[str, str], ...] = ()
    """(``gen_ai.token.type``, the attribute with their number)"""


class Row(msgspec.Struct, frozen=True):
    """Spans of these kinds with this attribute belong into these histograms, the first for their time."""

    kinds: tuple[SpanKind, ...]
    marker: str
    shapes: tuple[Shape, ...]
    value: str = ""
    """What the marker must be, if not just any value."""


def _shape(
    metric: str,
    description: str,
    *names: str,
    bounds: tuple[int, ...] = _BOUNDS,
    earlier: dict[str, str] | None = None,
) -> Shape:
    """With ``earlier`` names under which some of the values are read."""
    reads = tuple((earlier or {}).get(name, name) for name in names)
    return Shape(metric, description, reads, (*names, semconv.ERROR_TYPE), bounds)


_PEER = (semconv.SERVER_ADDRESS, semconv.SERVER_PORT)

_HTTP = (semconv.HTTP_REQUEST_METHOD, semconv.HTTP_RESPONSE_STATUS_CODE, semconv.NETWORK_PROTOCOL_VERSION)
_HTTP_SERVER = _shape(
    semconv.METRIC_HTTP_SERVER_DURATION,
    "Duration of HTTP server requests.",
    *_HTTP,
    *(semconv.HTTP_ROUTE, semconv.URL_SCHEME),
)
_HTTP_CLIENT = _shape(
    semconv.METRIC_HTTP_CLIENT_DURATION, "Duration of HTTP client requests.", *_HTTP, *_PEER
)

_DB_NAMES = (
    semconv.DB_SYSTEM_NAME,
    semconv.DB_NAMESPACE,
    semconv.DB_OPERATION_NAME,
    semconv.DB_COLLECTION_NAME,
    semconv.DB_RESPONSE_STATUS_CODE,
    *_PEER,
)
_DB_TEXT = "Duration of database client operations."
_DB = _shape(semconv.METRIC_DB_CLIENT_DURATION, _DB_TEXT, *_DB_NAMES, bounds=_DB_BOUNDS)
_DB_EARLIER = _shape(
    semconv.METRIC_DB_CLIENT_DURATION,
    _DB_TEXT,
    *_DB_NAMES,
    bounds=_DB_BOUNDS,
    earlier={
        semconv.DB_SYSTEM_NAME: "db.system",
        semconv.DB_NAMESPACE: "db.name",
        semconv.DB_OPERATION_NAME: "db.operation",
        semconv.SERVER_ADDRESS: "net.peer.name",
        semconv.SERVER_PORT: "net.peer.port",
    },
)

_MESSAGING = (
    semconv.MESSAGING_SYSTEM,
    semconv.MESSAGING_OPERATION_NAME,
    semconv.MESSAGING_DESTINATION_NAME,
    semconv.MESSAGING_CONSUMER_GROUP_NAME,
    *_PEER,
)
_MESSAGING_CLIENT = _shape(
    semconv.METRIC_MESSAGING_CLIENT_DURATION,
    "Duration of messaging operations a producer or consumer client started.",
    *_MESSAGING,
)
_MESSAGING_PROCESS = _shape(
    semconv.METRIC_MESSAGING_PROCESS_DURATION, "Duration of the processing of messages.", *_MESSAGING
)

_RPC = (semconv.RPC_SYSTEM_NAME, semconv.RPC_METHOD, semconv.RPC_RESPONSE_STATUS_CODE)
_RPC_EARLIER = {
    semconv.RPC_SYSTEM_NAME: "rpc.system",
    semconv.RPC_RESPONSE_STATUS_CODE: "rpc.grpc.status_code",
}
_RPC_SERVER_TEXT, _RPC_CLIENT_TEXT = "Duration of incoming calls.", "Duration of outgoing calls."
_RPC_SERVER = _shape(semconv.METRIC_RPC_SERVER_DURATION, _RPC_SERVER_TEXT, *_RPC)
_RPC_CLIENT = _shape(semconv.METRIC_RPC_CLIENT_DURATION, _RPC_CLIENT_TEXT, *_RPC, *_PEER)
_RPC_SERVER_EARLIER = _shape(
    semconv.METRIC_RPC_SERVER_DURATION, _RPC_SERVER_TEXT, *_RPC, "rpc.service", earlier=_RPC_EARLIER
)
_RPC_CLIENT_EARLIER = _shape(
    semconv.METRIC_RPC_CLIENT_DURATION, _RPC_CLIENT_TEXT, *_RPC, "rpc.service", *_PEER, earlier=_RPC_EARLIER
)

_MODEL = (
    semconv.GEN_AI_OPERATION_NAME,
    semconv.GEN_AI_PROVIDER_NAME,
    semconv.GEN_AI_REQUEST_MODEL,
    semconv.GEN_AI_RESPONSE_MODEL,
    *_PEER,
)
_GEN_AI = _shape(
    semconv.METRIC_GEN_AI_CLIENT_DURATION,
    "Duration of operations of language models.",
    *_MODEL,
    bounds=_MODEL_BOUNDS,
)
TOKENS = Tokens(
    semconv.METRIC_GEN_AI_CLIENT_TOKENS,
    "Tokens that went into and came out of language models.",
    _MODEL,
    (*_MODEL, semconv.GEN_AI_TOKEN_TYPE),
    _TOKEN_BOUNDS,
    unit="{token}",
    scale=1,
    counts=(
        ("input", semconv.GEN_AI_USAGE_INPUT_TOKENS),
        ("output", semconv.GEN_AI_USAGE_OUTPUT_TOKENS),
    ),
)

_MCP = (semconv.MCP_METHOD_NAME, semconv.GEN_AI_TOOL_NAME, semconv.RPC_RESPONSE_STATUS_CODE)
_MCP_SERVER = _shape(
    semconv.METRIC_MCP_SERVER_DURATION, "Duration of MCP requests received.", *_MCP, bounds=_MCP_BOUNDS
)
_MCP_CLIENT = _shape(
    semconv.METRIC_MCP_CLIENT_DURATION, "Duration of MCP requests sent.", *_MCP, *_PEER, bounds=_MCP_BOUNDS
)

OTHER = Shape(
    semconv.METRIC_SPAN_DURATION,
    "Duration of spans that no other metric is for.",
    (),
    ("span.name", "span.kind", "status.code", semconv.ERROR_TYPE),
    _BOUNDS,
)

FAMILIES: tuple[Row, ...] = (
    # Before HTTP: some databases and queues are spoken to over it.
    Row((_CLIENT,), semconv.DB_SYSTEM_NAME, (_DB,)),
    Row((_SERVER,), semconv.HTTP_REQUEST_METHOD, (_HTTP_SERVER,)),
    Row((_CONSUMER,), semconv.MESSAGING_OPERATION_TYPE, (_MESSAGING_CLIENT,), "receive"),
    Row((_CONSUMER,), semconv.MESSAGING_SYSTEM, (_MESSAGING_PROCESS,)),
    Row((_CLIENT, _PRODUCER), semconv.MESSAGING_SYSTEM, (_MESSAGING_CLIENT,)),
    Row((_CLIENT,), semconv.HTTP_REQUEST_METHOD, (_HTTP_CLIENT,)),
    # Before language models: a tool call over MCP is an operation of one, too.
    Row((_CLIENT,), semconv.MCP_METHOD_NAME, (_MCP_CLIENT,)),
    Row((_SERVER,), semconv.MCP_METHOD_NAME, (_MCP_SERVER,)),
    Row((_CLIENT,), semconv.GEN_AI_OPERATION_NAME, (_GEN_AI, TOKENS)),
    Row((_CLIENT,), semconv.RPC_SYSTEM_NAME, (_RPC_CLIENT,)),
    Row((_SERVER,), semconv.RPC_SYSTEM_NAME, (_RPC_SERVER,)),
    Row((_CLIENT,), "rpc.system", (_RPC_CLIENT_EARLIER,)),
    Row((_SERVER,), "rpc.system", (_RPC_SERVER_EARLIER,)),
    Row((_CLIENT,), "db.system", (_DB_EARLIER,)),
)
