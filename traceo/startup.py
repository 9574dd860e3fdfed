"""`init`: the one place that knows every part and puts them together.

In the application's thread it only makes light objects and sets hooks. What is heavy (detectors, HTTP,
compression, cryptography) is for `traceo.assembly`, in the pipeline thread, when the first span has ended.
"""

import atexit
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

from opentelemetry import trace

from traceo import spans, subjects
from traceo._version import __version__
from traceo.assembly import Assembly
from traceo.client import Client
from traceo.config import Config, load, pyproject_of
from traceo.errors import ConfigError
from traceo.exporters.spool.names import has_leftovers
from traceo.green import guard
from traceo.metering import Metering, interval_s, sources_of
from traceo.pipeline.health import Status
from traceo.pipeline.trouble import speak_on_stderr
from traceo.pipeline.worker import Pipeline
from traceo.settings import Given

if TYPE_CHECKING:
    from traceo.instrumentation import Installed, Options, Selection
    from traceo.metrics import View
    from traceo.policy import Chosen

__all__ = ["Settings", "current", "flush", "init", "shutdown", "status"]

_NOT_HERE = (
    "init() was called in a subinterpreter, where Traceo does not run; call it in the main interpreter"
)

_LOGS = ("logging", "structlog", "loguru", "opentelemetry-logs")
"""Rows of the catalogue that bring log lines rather than spans."""

_log = logging.getLogger("traceo")
_lock = threading.Lock()
_client: Client | None = None
_has_warned = False


class Settings(TypedDict, total=False):
    """The arguments of `init`; each is described in `traceo.settings.SETTINGS`."""

    enabled: bool
    service_name: str
    endpoint: str
    headers: Mapping[str, str] | str
    api_key: str
    timeout_s: float
    redaction: str | Mapping[str, object]
    deep_keys: str | list[str]
    seal: str
    seal_key: str
    sender_key: str
    spool_dir: str
    instrument: str | list[str] | bool
    capture: str | list[str]
    prices: str | Mapping[str, object]
    console: str | bool
    sample_rate: float
    keep_errors: bool
    keep_slower_than_s: float
    queue_bytes: int | str
    spool_bytes: int | str
    flush_every_s: float
    flush: str
    exit_timeout_s: float
    logs_level: str
    logs_per_s: int
    metrics: str | list[str] | bool


def init(*, views: "Sequence[View]" = (), **settings: Unpack[Settings]) -> Client:
    """Start Traceo in this process; everything has a default.

    ``views`` say what becomes of metrics (`traceo.metrics.View`); all else is in docs/configuration.md.
    A second call returns the first call's client; if it asks for other settings, it warns, once. A process
    that was shut down stays so.

    Raises:
        ConfigError: a setting is wrong. Nothing else is ever raised, whatever the state of the network.
    """
    global _client
    with _lock:
        if _client is not None:
            _warn_if_other(_client, settings)
            return _client
        config = _load(settings)
        if not config.enabled:
            _client = Client(config, notes=("switched off",))
            return _client
        if _is_subinterpreter():
            speak_on_stderr()
            _client = Client(config, notes=(_NOT_HERE,))
            _log.warning(_NOT_HERE)
            return _client
        try:
            _client = _start(config, views)
        except ConfigError:
            raise
        except Exception as error:
            _client = Client(config, notes=(f"init() failed with {type(error).__name__}: {error}",))
            _log.warning(
                "init() failed with %s; the application goes on without telemetry", type(error).__name__
            )
        return _client


def current() -> Client | None:
    """This process's client; None before `init`."""
    return _client


def flush(timeout_s: float = 5.0) -> bool:
    """`Client.flush` of this process; True before `init`."""
    return _client is None or _client.flush(timeout_s)


def shutdown(timeout_s: float | None = None) -> bool:
    """`Client.shutdown` of this process; True before `init`."""
    return _client is None or _client.shutdown(timeout_s)


def status() -> Status:
    """`Client.status` of this process; ``not started`` before `init`.

    >>> status().state
    'not started'
    """
    return Status() if _client is None else _client.status()


def _load(settings: Settings) -> Config:
    given = cast("Mapping[str, Given]", settings)
    try:
        folder = Path.cwd()
    except OSError:  # it was removed under us
        return load(given, os.environ)
    return load(given, os.environ, pyproject_of(folder))


def _warn_if_other(client: Client, settings: Settings) -> None:
    global _has_warned
    if not settings or _has_warned:
        return
    asked, running = _load(settings).settings(), client.config.settings()
    other = sorted(name for name, value in asked.items() if value != running[name])
    if other:
        _has_warned = True
        _log.warning("init() was called again with another %s; the first call's stays", ", ".join(other))


def _is_subinterpreter() -> bool:
    for name in ("_interpreters", "_xxsubinterpreters"):  # from Python 3.13 on, and before
        try:
            interpreters: Any = import_module(name)
        except ImportError:
            continue
        return interpreters.get_current() != interpreters.get_main()
    return False


def _start(config: Config, views: "Sequence[View]") -> Client:
    chosen = _choose(config)
    speak_on_stderr()
    notes: list[str] = []
    detach: list[Callable[[], object]] = []
    pipeline = Pipeline(
        # Without a thread of its own, delivery is waited for by whoever ends.
        lambda: assembly.build(
            config.timeout_s if pipeline.has_thread else max(0.1, config.exit_timeout_s / 2),
            pipeline.pass_by,
        ),
        queue_bytes=config.queue_bytes,
        flush_every_s=config.flush_every_s if config.flush == "timer" else None,
        collect_every_s=interval_s(os.environ),
        # A collector on this host may be looked for often: it costs a refused connection.
        retry_cap_s=5.0 if "endpoint" not in config.sources else 30.0,
        endpoint=config.public_endpoint,
        advice=_advice(config),
    )
    selection, options = _selection(config), _options(config)
    metering = Metering(sources_of(config.metrics), pipeline, config.service_name, notes, views)
    assembly = Assembly(config, chosen, metering)
    _attempt("the watch for gevent and eventlet", notes, lambda: guard(pipeline.at_rest, assembly.load))
    provider = _attempt("tracing", notes, lambda: _trace(config, pipeline, metering, notes))
    # Under the provider of another, logs are heard all the same.
    chosen_hooks = selection if provider is not None else selection.of(_LOGS)
    hooks = _attempt("instrumentation", notes, lambda: _hook(options, chosen_hooks, provider))
    if config.logs_level != "OFF" and any(map(selection.includes, _LOGS)):
        undo = _attempt("logs", notes, lambda: _hear(config, selection, pipeline, provider))
        detach += [undo] if undo is not None else []
    _attempt("metrics", notes, metering.install)
    client = Client(
        config,
        pipeline,
        provider=provider,
        metering=metering,
        hooks=hooks,
        detach=detach,
        notes=notes,
    )
    atexit.register(client.end)
    if config.spool_dir and has_leftovers(Path(config.spool_dir)):
        pipeline.start()  # whoever left it may not come again
    _attempt("the delivery at SIGTERM and os._exit", notes, client.hold_endings)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=client.before_fork,
            after_in_parent=client.after_fork_in_parent,
            after_in_child=client.after_fork_in_child,
        )
    return client


def _attempt(what: str, notes: list[str], make: Callable[[], Any]) -> Any:
    """A part that fails is missing and says so in `status`; the others and the application go on."""
    try:
        return make()
    except Exception as error:
        notes.append(f"{what} could not be started ({type(error).__name__})")
        return None


def _trace(config: Config, pipeline: Pipeline, metering: Metering, notes: list[str]) -> Any:
    """Our provider as OpenTelemetry's global one; ``None`` if there is another, whose spans stay its own."""
    there = trace.get_tracer_provider()
    if getattr(there, "is_of_a_test", False):
        return there  # the fixture of traceo.testing: what is hooked now shall be seen by it
    if not isinstance(there, trace.ProxyTracerProvider):
        kind = type(there)
        notes.append(
            f"{kind.__module__}.{kind.__qualname__} was the tracer provider before init(): its spans "
            "stay its own and no library is hooked; call traceo.init() first to have them here"
        )
        return None
    from traceo.tracing import TracerProvider, default_resource  # noqa: PLC0415 - another provider spares it

    provider = TracerProvider(
        sampler=_sampler(config),
        resource=default_resource(config.service_name or None),
        sink=pipeline.put_span,
        flush=lambda timeout_s: pipeline.flush(config.exit_timeout_s if timeout_s is None else timeout_s),
        keep_errors=config.keep_errors,
        keep_slower_than_s=config.keep_slower_than_s,
        span_metrics=metering.span_metrics(),
    )
    metering.tracer_provider = provider
    trace.set_tracer_provider(provider)
    spans.bind(provider.get_tracer("traceo", __version__))
    subjects.bind(provider)
    return provider


def _sampler(config: Config) -> Any:
    """Without a rate of our own, every sampler that OTEL_TRACES_SAMPLER can name counts."""
    if config.sources.get("sample_rate", "OTEL_").startswith("OTEL_"):
        return None
    from traceo.tracing.sampling import DEFAULT_ON, ParentBased  # noqa: PLC0415 - loaded by now

    if config.sample_rate == 1.0:
        return DEFAULT_ON
    from traceo.tracing.consistent import ConsistentRatio  # noqa: PLC0415 - only for a ratio

    return ParentBased(ConsistentRatio(config.sample_rate))


def _selection(config: Config) -> "Selection":
    from traceo.instrumentation.options import Selection  # noqa: PLC0415 - only when something may be hooked

    source = config.sources.get("instrument", "default")
    disabled = os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "")
    return Selection.parse(config.instrument, disabled=disabled, source=f"instrument (from {source})")


def _options(config: Config) -> "Options":
    """What the hooks record; what is wrong with the table of prices stops `init`."""
    from traceo.instrumentation import Options  # noqa: PLC0415 - only when something may be hooked

    prices = None
    if config.prices:
        from traceo.instrumentation.genai.prices import Prices  # noqa: PLC0415 - only for a price table

        prices = Prices.of(config.prices, source=config.sources["prices"])
    return Options.from_environ(os.environ, prices=prices).with_names(config.capture)


def _hook(options: "Options", selection: "Selection", provider: Any) -> "Installed":
    from traceo.instrumentation import install  # noqa: PLC0415 - loaded with its options

    return install(selection, tracer_provider=provider or trace.NoOpTracerProvider(), options=options)


def _hear(config: Config, selection: "Selection", pipeline: Pipeline, provider: Any) -> Callable[[], None]:
    from traceo.logs.tap import tap_logging  # noqa: PLC0415 - only when logs are wanted

    return tap_logging(
        subjects.tagged(pipeline.put_log),
        provider,
        config.logs_level,
        stdlib=selection.includes("logging"),
        per_s=config.logs_per_s,
        left_out=pipeline.leave_out_log,
        missed=pipeline.miss_log,
    )


def _advice(config: Config) -> str:
    if "endpoint" in config.sources:
        return f"check the endpoint (from {config.sources['endpoint']})"
    return "start a collector with `traceo collector`, or set TRACEO_ENDPOINT to where yours listens"


def _choose(config: Config) -> "Chosen | None":
    """The redaction policy, read here so that what is wrong with it stops `init`; None: the built-in one."""
    if config.redaction == "default" and not config.deep_keys:
        return None
    from traceo.logs.scrubbing import follow  # noqa: PLC0415 - only for a policy of one's own
    from traceo.policy import armed, choose  # noqa: PLC0415 - the same

    source = config.sources.get("redaction", config.sources.get("deep_keys", "default"))
    chosen = armed(choose(config.redaction, source=source, deep_keys=config.deep_keys), source=source)
    follow(chosen.policy)
    return chosen
