"""What the hooks of Redis and Valkey share: one client span a command, a pipeline or a transaction.

Keys and values are never told: a command stands there by its name and as many ``?`` as it has arguments.
What a server says about a command repeats arguments, and so does the client of a pipeline; of both, only the
part before a quotation or a number is told. Subscriptions and what a connection says for itself have no
spans. Follows the semantic conventions for Redis.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

from opentelemetry.trace import Span, SpanKind
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.database import ABOUT, Covering, cover, finish, say, uncover, wanted
from traceo.instrumentation.guard import around, around_async
from traceo.instrumentation.hooks import Site

__all__ = ["hook_clients"]

_COMMAND: Final = re.compile(r"[A-Z][A-Z0-9_.\-]{0,31}")
_CONTAINERS: Final = frozenset(
    {"ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DEBUG", "FUNCTION", "LATENCY", "MEMORY", "MODULE"}
    | {"OBJECT", "PUBSUB", "SCRIPT", "SENTINEL", "SLOWLOG", "XGROUP", "XINFO"}
)
"""Commands whose second word says what is done."""
_MAX_ARGUMENTS: Final = 16
_MAX_COMMANDS: Final = 16
_MAX_WORDS: Final = 64
_MAX_PLANS: Final = 1024
_CLIENT: Final = SpanKind.CLIENT
_CODE: Final = re.compile(r"[A-Z][A-Z0-9]{2,31}\b")
_CODES: Final = {
    "NoScriptError": "NOSCRIPT",
    "ExecAbortError": "EXECABORT",
    "ReadOnlyError": "READONLY",
    "NoPermissionError": "NOPERM",
    "OutOfMemoryError": "OOM",
    "BusyLoadingError": "LOADING",
    "AuthenticationError": "WRONGPASS",
    "ResponseError": "ERR",
}
"""Clients take the code off the message of these."""
_SERVER_CODES: Final = frozenset(
    {"BUSY", "BUSYGROUP", "BUSYKEY", "CLUSTERDOWN", "CROSSSLOT", "ERR", "MASTERDOWN", "MISCONF", "NOGROUP"}
    | {"NOREPLICAS", "NOTBUSY", "TRYAGAIN", "UNKILLABLE", "WRONGTYPE", *_CODES.values()}
)
_QUOTATION: Final = re.compile(r"['\"`]|[-+.]?\d")
_IN_PIPELINE: Final = " of pipeline caused error: "

_servers: dict[str, "_Server"] = {}


def hook_clients(site: Site, package: ModuleType, client: str) -> None:
    """Wrap the one method that each kind of client of ``package`` sends its commands with.

    ``client`` is the name of the class, sync and asyncio; that of the cluster's ends in ``Cluster``.
    """
    system = package.__name__
    for module, is_async in ((package, False), (package.asyncio, True)):
        _hook(site, system, module.client, client, is_async=is_async)
        _hook(site, system, module.cluster, f"{client}Cluster", is_async=is_async)


def _hook(site: Site, system: str, module: ModuleType, client: str, *, is_async: bool) -> None:
    """The class ``client`` of ``module`` and its pipelines; the nodes of a cluster are silent below it."""
    guard: Callable[..., Any] = around_async if is_async else around
    is_cluster = client.endswith("Cluster")
    pipelines = module.ClusterPipeline if is_cluster else module.Pipeline

    def command(owner: Any, *args: Any, **options: Any) -> Span | None:
        del options
        return _begin(site, system, owner, args)

    def covering(owner: Any, *args: Any, **options: Any) -> Covering | None:
        return cover(command(owner, *args, **options))

    def pipeline(owner: Any, *args: Any, **kwargs: Any) -> Covering | None:
        del args, kwargs
        return cover(_begin_pipeline(site, system, owner))

    def replace(owner: type, name: str, before: Callable[..., Any], after: Callable[..., None]) -> None:
        site.replace(owner, name, lambda original: guard(original, f"{system}.command", before, after))

    replace(pipelines, "execute", pipeline, _uncover)
    if is_cluster:
        replace(getattr(module, client), "execute_command", covering, _uncover)
    else:
        replace(getattr(module, client), "execute_command", command, _finish)
        replace(pipelines, "immediate_execute_command", command, _finish)


class _Server:
    """What all commands of one client have in common, and what has become of the commands seen there."""

    __slots__ = ("attributes", "plans")

    def __init__(self, attributes: dict[str, AttributeValue]) -> None:
        self.attributes = attributes
        self.plans: dict[tuple[str | bytes, int], tuple[str, dict[str, AttributeValue]]] = {}

    def plan(self, args: Sequence[Any]) -> tuple[str, dict[str, AttributeValue]]:
        """Name and attributes of a command's span."""
        operation, text = _told(args)
        attributes = self.attributes.copy()
        if operation:
            attributes[semconv.DB_OPERATION_NAME] = operation
            attributes[semconv.DB_QUERY_TEXT] = text
        plan = operation or str(attributes[semconv.DB_SYSTEM_NAME]), attributes
        if isinstance(args[0], (str, bytes)) and len(args[0]) <= _MAX_WORDS:
            if len(self.plans) >= _MAX_PLANS:
                self.plans.clear()
            self.plans[args[0], len(args)] = plan
        return plan


def _server(system: str, client: Any) -> _Server:
    pool = getattr(client, "connection_pool", None)
    if pool is None:  # of a cluster: which node is known later
        return _servers.setdefault(system, _Server({semconv.DB_SYSTEM_NAME: system}))
    server: _Server | None = getattr(pool, ABOUT, None)
    if server is None:
        server = _Server(_attributes(system, pool.connection_kwargs))
        setattr(pool, ABOUT, server)
    return server


def _attributes(system: str, settings: Mapping[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        semconv.DB_SYSTEM_NAME: system,
        semconv.DB_NAMESPACE: str(settings.get("db") or 0),
    }
    address = settings.get("path") or settings.get("host")
    if address:
        attributes[semconv.SERVER_ADDRESS] = address
        port = settings.get("port")
        if port and "path" not in settings:
            attributes[semconv.SERVER_PORT] = int(port)
    return attributes


def _begin(site: Site, system: str, client: Any, args: Sequence[Any]) -> Span | None:
    context = wanted(site)
    if context is None or not args:
        return None
    server = _server(system, client)
    first = args[0]
    plan = server.plans.get((first, len(args))) if isinstance(first, (str, bytes)) else None
    name, template = plan or server.plan(args)
    return site.tracer.start_span(name, context, _CLIENT, template.copy())


def _begin_pipeline(site: Site, system: str, pipeline: Any) -> Span | None:
    context = wanted(site)
    if context is None:
        return None
    commands = _queued(pipeline)
    if not commands:
        return None
    attributes = _server(system, pipeline).attributes.copy()
    told = [_told(args) for args in commands]
    operations = {operation for operation, _ in told}
    operation = "MULTI" if _is_transaction(pipeline) else "PIPELINE"
    if len(operations) == 1:
        operation = f"{operation} {told[0][0]}".rstrip()
    text = "; ".join(text for _, text in told[:_MAX_COMMANDS])
    attributes[semconv.DB_OPERATION_NAME] = operation
    attributes[semconv.DB_QUERY_TEXT] = f"{text}; …" if len(told) > _MAX_COMMANDS else text
    if len(told) > 1:
        attributes[semconv.DB_OPERATION_BATCH_SIZE] = len(told)
    return site.tracer.start_span(operation, context, _CLIENT, attributes)


def _queued(pipeline: Any) -> list[Sequence[Any]]:
    """The arguments of each command that waits in it."""
    strategy = getattr(pipeline, "_execution_strategy", None)  # of a cluster's
    if strategy is not None:
        queue = strategy._command_queue  # noqa: SLF001  no public way
    else:
        queue = getattr(pipeline, "command_stack", None) or getattr(pipeline, "_command_stack", ())
    return [command[0] if isinstance(command, tuple) else command.args for command in queue]


def _is_transaction(pipeline: Any) -> bool:
    if getattr(pipeline, "explicit_transaction", False):
        return True
    for name in ("is_transaction", "_transaction", "transaction"):
        flag = getattr(pipeline, name, None)
        if isinstance(flag, bool):
            return flag
    return type(getattr(pipeline, "_execution_strategy", None)).__name__ == "TransactionStrategy"


def _told(args: Sequence[Any]) -> tuple[str, str]:
    first = args[0]
    if isinstance(first, bytes):
        first = first.decode("latin-1")
    return _shape(first[:_MAX_WORDS], len(args) - 1) if isinstance(first, str) else ("", "?")


@functools.lru_cache(maxsize=1024)  # for pipelines
def _shape(first: str, arguments: int) -> tuple[str, str]:
    """Name and text of a command. ``first`` may hold several words, values among them: it is split."""
    words = first.split()
    operation = words[0].upper() if words else ""
    if not _COMMAND.fullmatch(operation):
        return "", "?"  # a word of the caller's must not become a span name
    arguments += len(words) - 1
    if operation in _CONTAINERS and len(words) > 1 and _COMMAND.fullmatch(words[1].upper()):
        operation = f"{operation} {words[1].upper()}"
        arguments -= 1
    text = operation + " ?" * min(arguments, _MAX_ARGUMENTS)
    return operation, f"{text} …" if arguments > _MAX_ARGUMENTS else text


def _finish(span: Span, result: object, error: BaseException | None) -> None:
    if error is None or not any(cls.__name__ in _CODES for cls in type(error).__mro__):
        finish(span, result, error)
        return
    try:
        if span.is_recording():
            message = str(error.args[0] if error.args else "").rpartition(_IN_PIPELINE)[2]
            message = message.removeprefix("('").removeprefix('("')  # so do the pipelines of asyncio
            code = getattr(error, "status_code", None) or _code(error, message)
            if _may_be_scripted(span):  # whose errors say what the application wants them to say
                code = message = code if code in _SERVER_CODES else "ERR"
            span.set_attribute(semconv.DB_RESPONSE_STATUS_CODE, code)
            say(span, error, _QUOTATION.split(message, maxsplit=1)[0].strip())
    finally:
        span.end()


def _uncover(covering: Covering, result: object, error: BaseException | None) -> None:
    uncover(covering, result, error, _finish)


def _may_be_scripted(span: Span) -> bool:
    text = str(getattr(span, "attributes", {}).get(semconv.DB_QUERY_TEXT, "EVAL"))
    return "EVAL" in text or "FCALL" in text or text.endswith("…")


def _code(error: BaseException, message: str) -> str:
    for cls in type(error).__mro__:
        code = _CODES.get(cls.__name__, "ERR")
        if code != "ERR":
            return code
    found = _CODE.match(message)
    return found[0] if found else "ERR"
