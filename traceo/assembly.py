"""The parts of the pipeline: all that is heavy, imported and built in the pipeline thread.

Where gevent or eventlet have patched, the application's thread imports it instead (see `traceo.green`).
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from traceo.config import Config

if TYPE_CHECKING:
    from traceo.exporters.outcome import SealMode, Signal
    from traceo.exporters.spool.folder import Spool
    from traceo.metering import Metering
    from traceo.pipeline.deep import Finder
    from traceo.pipeline.prepare import Parts, Watch
    from traceo.policy import Chosen
    from traceo.redaction import Engine

__all__ = ["Assembly"]

_HEAVY = (
    "http.client",
    "ssl",
    "traceo.exporters.peer",
    "encodings.idna",  # every name that is looked up passes through it
    "traceo.exporters.destination",
    "traceo.exporters.otlp",
    "traceo.pipeline.prepare",
    "traceo.pipeline.collection",
    "traceo.pipeline.scrub",
    "traceo.redaction",
)
_ON_OCCASION = (
    "traceo.exporters.otlp_cut",
    "traceo.exporters.otlp_metrics",
    "traceo.exporters.spool.folder",
    "traceo.metrics.prometheus",
    "traceo.pipeline.own_metrics",
    "traceo.pipeline.runtime_metrics",
    "traceo.pipeline.scrub_metrics",
    "traceo.tracing.span_metrics",
)
_OF_GEVENT = (
    "gevent._threading",
    "gevent.pool",
    "gevent.resolver._addresses",
    "gevent.resolver.thread",
    "gevent.threadpool",
    "gevent.util",
)
"""What its hub imports when it waits for a socket, or for a name to be looked up."""

_log = logging.getLogger("traceo")


class Assembly:
    """Makes the parts for one process and its forks.

    Args:
        config: the settings.
        chosen: the redaction policy; ``None`` for the built-in one.
        metering: where metrics come from.
    """

    def __init__(self, config: Config, chosen: "Chosen | None", metering: "Metering") -> None:
        self._config = config
        self._chosen = chosen
        is_deep = chosen is not None and chosen.policy.enabled and chosen.deep.keys
        self._deep = chosen if is_deep else None
        self._metering = metering
        self._engine: Engine | None = None
        self._finder: Finder | None = None

    def load(self) -> None:
        """Import all that `build` and its parts will ever need, and load the deep tier's model."""
        self._import()
        for module in (*_ON_OCCASION, *(_OF_GEVENT if "gevent" in sys.modules else ())):
            with contextlib.suppress(ImportError):  # a platform without file locks; another version's names
                import_module(module)
        self._engine = self._make_engine()
        if self._chosen is not None and self._chosen.policy.secret:
            import_module("traceo.pipeline.fields")
        if self._deep is not None:
            self._find(self._deep)

    def build(self, timeout_s: float, pass_by: Callable[[], None]) -> "Parts":
        """The parts; ``pass_by`` is called between two imports, so that the end of the process cuts none.

        ``timeout_s`` is for one request.
        """
        self._import(pass_by)
        from traceo.exporters.destination import Destination  # noqa: PLC0415
        from traceo.exporters.otlp import encode_logs, encode_traces, records_left_out  # noqa: PLC0415
        from traceo.pipeline.prepare import Parts  # noqa: PLC0415
        from traceo.pipeline.scrub import Scrubber  # noqa: PLC0415
        from traceo.tracing import snapshot  # noqa: PLC0415

        config, chosen = self._config, self._chosen
        engine = redactor = self._engine or self._make_engine()
        self._engine = None  # a forked child that builds again counts from zero
        deep = None
        if (named := self._deep) is not None:
            from traceo.pipeline.deep_fields import deepen  # noqa: PLC0415 - only with keys for it

            redactor = deep = deepen(engine, named.policy, named.deep, lambda: self._find(named))
        sealer = None
        if chosen is not None and chosen.policy.secret:
            from traceo.pipeline.fields import field_sealer  # noqa: PLC0415 - only with a key for tokens

            sealer = field_sealer(chosen.policy, chosen.seal.reveal_keys)
        environ = os.environ
        destination = Destination(
            config.endpoint,
            headers=config.headers,
            api_key=config.api_key,
            timeout_s=timeout_s,
            seal=cast("SealMode", config.seal),
            pin=config.seal_key,
            sender_key=config.sender_key,
            key_table=chosen.seal.key_table if chosen is not None else "",
            state_dir=config.spool_dir or None,
            signal_endpoints=_signal_endpoints(config, environ),
            ca_file=environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE", ""),
            certificate_file=environ.get("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", ""),
            key_file=environ.get("OTEL_EXPORTER_OTLP_CLIENT_KEY", ""),
        )
        scrubber = Scrubber(redactor, sealer)
        return Parts(
            snapshot=snapshot,
            scrubber=scrubber,
            metrics=self._metering.parts(scrubber, engine),
            wrapped_keys=sealer.drain if sealer is not None else tuple,
            encode_traces=encode_traces,
            encode_logs=encode_logs,
            left_out=records_left_out,
            route=destination,
            spool=_spool(config),
            report=redactor.report if sealer is None else lambda: {**redactor.report(), **sealer.report()},
            report_by_key=redactor.report_by_key,
            before_batch=deep.begin if deep is not None else None,
            notes=deep.notes if deep is not None else tuple,
            watch=_console(config),
        )

    def _import(self, pass_by: Callable[[], None] = lambda: None) -> None:
        sealing = () if self._config.seal == "off" else ("cryptography.hazmat.backends.openssl.backend",)
        for module in (*_HEAVY, *sealing):
            import_module(module)
            pass_by()

    def _make_engine(self) -> "Engine":
        from traceo.redaction import Engine, Policy  # noqa: PLC0415 - loaded by now

        return Engine(self._chosen.policy if self._chosen is not None else Policy.default())

    def _find(self, named: "Chosen") -> "Finder":
        """What the deep tier looks with: seconds, the first time."""
        if self._finder is None:
            from traceo.pipeline.deep_fields import presidio_of  # noqa: PLC0415 - only with keys for it

            self._finder = presidio_of(named.deep)
        return self._finder


def _spool(config: Config) -> "Spool | None":
    """Where sealed batches wait on disk, if the user has named a place."""
    if not config.spool_dir:
        return None
    try:
        from traceo.exporters.spool.folder import Spool  # noqa: PLC0415 - only when there is a place
    except ImportError:
        _log.warning("spool_dir is not used: this platform has no file locks; all waits in memory")
        return None
    return Spool(
        Path(config.spool_dir),
        config.public_endpoint,
        limit_bytes=config.spool_bytes,
        clock=time.monotonic,
    )


def _signal_endpoints(config: Config, environ: Mapping[str, str]) -> "dict[Signal, str]":
    """Endpoints for one signal, unless ours says where everything goes."""
    if not config.sources.get("endpoint", "OTEL_").startswith("OTEL_"):
        return {}
    named: dict[Signal, str] = {
        "traces": environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""),
        "logs": environ.get("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", ""),
        "metrics": environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", ""),
    }
    return {signal: url for signal, url in named.items() if url}


def _console(config: Config) -> "Watch | None":
    """On a terminal, when the user has set no endpoint and none answers; or always; or never."""
    wanted = config.console == "on"
    if not wanted and (config.console == "off" or "endpoint" in config.sources or not _on_terminal()):
        return None
    from traceo.exporters.console import Console  # noqa: PLC0415 - for those who look at it

    return Console(always=wanted).watch


def _on_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # None under pythonw, or closed
        return False
