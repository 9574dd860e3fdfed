"""Instrumentations of the OpenTelemetry project, for libraries that have no hook of ours: an allow-list.

Each row names the one distribution, and in it the very classes, that may instrument a library. They are used
when that distribution is installed and the app has imported the library; the module that is loaded must lie
where the distribution says, so that a package that shadows it is refused. Their spans are held to our
promises by `traceo.instrumentation.stable_names`. Their own metrics and events are off: ours are taken from
spans.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import os
import warnings
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import msgspec
from opentelemetry.metrics import NoOpMeterProvider

from traceo import semconv
from traceo.instrumentation.catalog import LIBRARIES, is_older
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import NotHooked, Site
from traceo.instrumentation.stable_names import First, StableTracerProvider

__all__ = ["PACKAGES", "Package", "install"]

_GROUP = "opentelemetry_instrumentor"
_ASKING = ("opentelemetry.util.genai._invocation", "opentelemetry.util.genai.handler")
_OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"


class Package(msgspec.Struct, frozen=True):
    """Who may instrument a row: a distribution, and its entry points ``name = module:class``."""

    distribution: str
    instrumentors: tuple[tuple[str, str], ...]


def _package(name: str, *instrumentors: tuple[str, str]) -> Package:
    module = f"opentelemetry.instrumentation.{name.replace('-', '_')}"
    return Package(
        f"opentelemetry-instrumentation-{name}",
        tuple((entry, f"{module}:{cls}") for entry, cls in instrumentors),
    )


# Not on it: opentelemetry-instrumentation-langchain (0.62, with langchain-core 1.8). It is not the project's;
# it leaves its span and the run's metadata in the app's own context while a chain streams, so that unrelated
# spans become its children, for good when an async stream is left early; undone, it stays in place; and it
# imports langgraph and langchain-openai when they are only installed.
PACKAGES = {
    "botocore": _package("botocore", ("botocore", "BotocoreInstrumentor")),
    "grpc": _package(
        "grpc",
        ("grpc_client", "GrpcInstrumentorClient"),
        ("grpc_server", "GrpcInstrumentorServer"),
        ("grpc_aio_client", "GrpcAioInstrumentorClient"),
        ("grpc_aio_server", "GrpcAioInstrumentorServer"),
    ),
    "pymongo": _package("pymongo", ("pymongo", "PymongoInstrumentor")),
    "confluent-kafka": _package("confluent-kafka", ("confluent_kafka", "ConfluentKafkaInstrumentor")),
    "aiokafka": _package("aiokafka", ("aiokafka", "AIOKafkaInstrumentor")),
    "aio-pika": _package("aio-pika", ("aio-pika", "AioPikaInstrumentor")),
    "aiohttp-server": _package("aiohttp-server", ("aiohttp-server", "AioHttpServerInstrumentor")),
    "tornado": _package("tornado", ("tornado", "TornadoInstrumentor")),
    "google-genai": _package("google-genai", ("google-genai", "GoogleGenAiSdkInstrumentor")),
}


def install(site: Site) -> None:
    """Have the row's instrumentors do it. ``NotHooked`` when they are not there, or not what they say."""
    package = PACKAGES[site.name]
    distribution = _distribution(package)
    instrumentors = [_load(distribution, *named) for named in package.instrumentors]
    if any(instrumentor.is_instrumented_by_opentelemetry for instrumentor in instrumentors):
        raise NotHooked("taken", f"{package.distribution} is in use already")
    _use_stable_conventions()
    for instrumentor in instrumentors:
        _instrument(site, instrumentor)


def _distribution(package: Package) -> importlib.metadata.Distribution:
    name = package.distribution
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise NotHooked("missing", f"{name} is not installed") from None
    if distribution.metadata["Name"].lower().replace("_", "-") != name:
        raise NotHooked("failed", f"what is installed as {name} is another distribution")
    return distribution


def _load(distribution: importlib.metadata.Distribution, entry: str, value: str) -> Any:
    named = distribution.metadata["Name"]
    points = distribution.entry_points.select(group=_GROUP, name=entry)
    if [point.value for point in points] != [value]:
        raise NotHooked("failed", f"{named} has no entry point {entry} = {value}")
    module, _, cls = value.partition(":")
    spec = importlib.util.find_spec(module)
    place = Path(str(distribution.locate_file(module.replace(".", "/")))) / "__init__.py"
    if spec is None or spec.origin is None or not place.is_file() or not place.samefile(spec.origin):
        raise NotHooked("failed", f"{module} does not come from {named}")
    return getattr(importlib.import_module(module), cls)()


def _use_stable_conventions() -> None:
    """Choose as ``OTEL_SEMCONV_STABILITY_OPT_IN`` would, where it is kept: no child process inherits it."""
    if os.environ.get(_OPT_IN):
        return  # the user's own
    from opentelemetry.instrumentation import _semconv  # noqa: PLC0415  only with the packages

    kept: Any = _semconv._OpenTelemetrySemanticConventionStability  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  no public way
    signal: Any = _semconv._OpenTelemetryStabilitySignalType  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  no public way
    mode: Any = _semconv._StabilityMode  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  no public way
    kept._initialize()  # noqa: SLF001
    kept._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING = {  # noqa: SLF001
        signal.HTTP: mode.HTTP,
        signal.DATABASE: mode.DATABASE,
        signal.GEN_AI: mode.GEN_AI_LATEST_EXPERIMENTAL,
    }


def _instrument(site: Site, instrumentor: Any) -> None:
    from opentelemetry._logs import NoOpLoggerProvider  # noqa: PLC0415  only with the packages
    from opentelemetry.instrumentation.dependencies import DependencyConflictError  # noqa: PLC0415

    if site.tracer_provider is None:
        raise NotHooked("failed", "no tracer provider")
    care = _CARE.get(type(instrumentor).__name__, _Care())
    settings: dict[str, Any] = {
        "tracer_provider": StableTracerProvider(site, site.tracer_provider, care.first),
        "meter_provider": NoOpMeterProvider(),
        "logger_provider": NoOpLoggerProvider(),
    }
    site.on_restore(lambda: care.undone(instrumentor))
    care.before(site, instrumentor, settings)
    with warnings.catch_warnings(), _unchanged_environment():
        warnings.simplefilter(
            "ignore"
        )  # an app that turns warnings into errors has none of this in its hands
        try:
            instrumentor.instrument(raise_exception_on_conflict=True, **settings)
        except DependencyConflictError as conflict:
            row = next(row for row in LIBRARIES if row.name == site.name)
            if is_older(importlib.metadata.version(row.distribution), row):
                raise NotHooked("failed", str(conflict)) from None
            # Newer than they say: tested by us, or flagged.
            instrumentor.instrument(skip_dep_check=True, **settings)
    site.on_restore(instrumentor.uninstrument)
    care.after(instrumentor)


@contextlib.contextmanager
def _unchanged_environment() -> Generator[None]:
    """One of them sets a variable, which child processes of the app would inherit."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            if name.startswith("OTEL_"):
                del os.environ[name]


def _nothing(*_: Any) -> None:
    """No care is needed."""


class _Care(msgspec.Struct, frozen=True):
    """What one instrumentor needs done for it."""

    before: Callable[[Site, Any, dict[str, Any]], None] = _nothing
    after: Callable[[Any], None] = _nothing
    undone: Callable[[Any], None] = _nothing
    first: First | None = None


def _module(instrumentor: Any) -> Any:
    return importlib.import_module(type(instrumentor).__module__)


def _give_provider(site: Site, instrumentor: Any, settings: dict[str, Any]) -> None:
    """The synchronous gRPC client looks for the provider among the arguments of the app's own call."""
    del site
    module = _module(instrumentor)
    extension = importlib.import_module(f"{module.__name__}.grpcext")

    def wrapper_fn(original: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        channel = original(*args, **kwargs)
        try:
            interceptor = module.client_interceptor(
                tracer_provider=settings["tracer_provider"],
                filter_=instrumentor._filter,  # noqa: SLF001  what OTEL_PYTHON_GRPC_EXCLUDED_SERVICES has made
            )
            return extension.intercept_channel(channel, interceptor)
        except Exception as error:
            failed("grpc.channel", error)
            return channel

    instrumentor.wrapper_fn = wrapper_fn


def _take_provider(instrumentor: Any) -> None:
    del instrumentor.wrapper_fn


def _keep_requests(site: Site, instrumentor: Any, settings: dict[str, Any]) -> None:
    """Let the spans of the requests below a call be: they tell its retries apart."""
    del site, settings
    _module(instrumentor).suppress_http_instrumentation = contextlib.nullcontext


def _hide_requests(instrumentor: Any) -> None:
    from opentelemetry.instrumentation.utils import suppress_http_instrumentation  # noqa: PLC0415

    _module(instrumentor).suppress_http_instrumentation = suppress_http_instrumentation


def _stop_measuring(instrumentor: Any) -> None:
    """Leave durations to the spans: this one takes no meter provider."""
    meter = NoOpMeterProvider().get_meter("")
    module = _module(instrumentor)
    module.duration_histogram_old = module.duration_histogram_new = meter.create_histogram("none")
    module.active_requests_counter = meter.create_up_down_counter("none")


def _name_commands(site: Site, instrumentor: Any, settings: dict[str, Any]) -> None:
    """Call a command by what it does and to which collection; what it asks for stays out."""
    del site
    collection_of: Any = _module(instrumentor)._get_command_collection_name  # noqa: SLF001  theirs, for the attribute

    def request_hook(span: Any, event: Any) -> None:
        collection = collection_of(event)
        span.update_name(f"{event.command_name} {collection or event.database_name}")
        span.set_attribute(semconv.DB_OPERATION_NAME, event.command_name)

    settings["request_hook"] = request_hook


def _ask_for_content(site: Site, instrumentor: Any, settings: dict[str, Any]) -> None:
    """Our option decides. Without it `stable_names` leaves content out, whatever a variable says."""
    del instrumentor, settings
    if not site.options.capture_content:
        return
    modes: Any = importlib.import_module("opentelemetry.util.genai.types").ContentCapturingMode
    for name in _ASKING:
        module: Any = importlib.import_module(name)
        module.get_content_capturing_mode = lambda: modes.SPAN_ONLY


def _ask_no_more(instrumentor: Any) -> None:
    del instrumentor
    utils: Any = importlib.import_module("opentelemetry.util.genai.utils")
    for name in _ASKING:
        module: Any = importlib.import_module(name)
        module.get_content_capturing_mode = utils.get_content_capturing_mode


def _stop_listening(instrumentor: Any) -> None:
    """What is undone would stay among pymongo's listeners, switched off."""
    monitoring: Any = importlib.import_module("pymongo.monitoring")
    listeners: list[Any] = monitoring._LISTENERS.command_listeners  # noqa: SLF001  there is no way to unregister
    listener = instrumentor._commandtracer_instance  # noqa: SLF001
    if listener in listeners:
        listeners.remove(listener)
    instrumentor._commandtracer_instance = None  # noqa: SLF001


def _name_exchanges(name: str, attributes: dict[str, Any]) -> str:
    """Name a message by its exchange: a routing key may be an order's or a person's."""
    exchange, comma, key = str(attributes.get("messaging.destination", "")).partition(",")
    if not comma:
        return name
    attributes["messaging.destination"] = (
        exchange or key
    )  # the default exchange routes to the queue of that name
    attributes[semconv.MESSAGING_RABBITMQ_ROUTING_KEY] = key
    attributes.pop("messaging.temp_destination", None)
    attributes.setdefault("messaging.operation", "send")
    return f"{exchange or key} {attributes['messaging.operation']}"


def _tell_route(name: str, attributes: dict[str, Any]) -> str:
    """Tornado's has the route in the name of a server's span only."""
    _, _, route = name.partition(" ")
    if route.startswith("/"):
        attributes.setdefault(semconv.HTTP_ROUTE, route)
    return name


_CARE = {
    "GrpcInstrumentorClient": _Care(before=_give_provider, undone=_take_provider),
    "BotocoreInstrumentor": _Care(before=_keep_requests, undone=_hide_requests),
    "AioHttpServerInstrumentor": _Care(after=_stop_measuring),
    "AioPikaInstrumentor": _Care(first=_name_exchanges),
    "GoogleGenAiSdkInstrumentor": _Care(before=_ask_for_content, undone=_ask_no_more),
    "TornadoInstrumentor": _Care(first=_tell_route),
    "PymongoInstrumentor": _Care(before=_name_commands, undone=_stop_listening),
}
