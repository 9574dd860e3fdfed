"""Meters: they make instruments, each once, and warn where two would become one metric."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from opentelemetry.metrics import Counter as ApiCounter
from opentelemetry.metrics import Histogram as ApiHistogram
from opentelemetry.metrics import Meter as ApiMeter
from opentelemetry.metrics import UpDownCounter as ApiUpDownCounter
from opentelemetry.metrics import _Gauge as ApiGauge  # pyright: ignore[reportPrivateUsage]  public in newer versions

from traceo import native
from traceo.metrics.instruments import Counter, Gauge, Histogram, Instrument, Shared, UpDownCounter
from traceo.metrics.observing import (
    Observable,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
)
from traceo.metrics.output import Output
from traceo.metrics.sinks import Sink
from traceo.metrics.views import are_boundaries
from traceo.metrics.wiring import Made, Wiring
from traceo.records import MetricRecord, ResourceRecord
from traceo.tracing.scope import InstrumentationScope

__all__ = ["Meter"]

_NAME = re.compile(r"[a-zA-Z][-_./a-zA-Z0-9]{0,254}")
# A name for each customer, say, would make them without end.
_MOST_INSTRUMENTS = 5_000
_UNIT = re.compile(r"[\x00-\x7F]{0,63}")


class Meter(ApiMeter):
    """Makes the instruments of one instrumentation scope; see ``opentelemetry.metrics.Meter``.

    The same name (in any case), kind and unit give the same instrument; of two descriptions the longer one is
    kept. The same name with another kind or unit gives another instrument, and a warning. A name that
    OpenTelemetry does not allow gives an instrument that ignores and counts what it is told.
    """

    def __init__(
        self, scope: InstrumentationScope, shared: Shared, wiring: Wiring, sinks: Sequence[Sink]
    ) -> None:
        super().__init__(scope.name, scope.version, scope.schema_url)
        self.scope = scope
        self._shared = shared
        self._wiring = wiring
        self._sinks = sinks
        self._lock = native.reentrant_lock()
        self._is_off = False
        self._instruments: dict[tuple[str, str, str], Any] = {}
        self._advised: dict[str, tuple[float, ...] | None] = {}
        self.outputs: list[Output] = []

    # --- the API

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Any:
        """A sum that only grows."""
        return self._make(Counter, name, unit, description)

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> Any:
        """A sum that grows and shrinks."""
        return self._make(UpDownCounter, name, unit, description)

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Any:
        """A distribution; the advisory says which buckets suit it, if no view says otherwise."""
        return self._make(Histogram, name, unit, description, explicit_bucket_boundaries_advisory)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Any:
        """A value of now."""
        return self._make(Gauge, name, unit, description)

    def create_observable_counter(
        self, name: str, callbacks: Iterable[Any] | None = None, unit: str = "", description: str = ""
    ) -> Any:
        """A total that only grows, reported by callbacks."""
        return self._watch(self._make(ObservableCounter, name, unit, description), callbacks)

    def create_observable_up_down_counter(
        self, name: str, callbacks: Iterable[Any] | None = None, unit: str = "", description: str = ""
    ) -> Any:
        """A total that grows and shrinks, reported by callbacks."""
        return self._watch(self._make(ObservableUpDownCounter, name, unit, description), callbacks)

    def create_observable_gauge(
        self, name: str, callbacks: Iterable[Any] | None = None, unit: str = "", description: str = ""
    ) -> Any:
        """A value of now, reported by callbacks."""
        return self._watch(self._make(ObservableGauge, name, unit, description), callbacks)

    # --- for the provider

    def observables(self) -> list[Observable]:
        """The instruments with callbacks."""
        return [each for each in list(self._instruments.values()) if isinstance(each, Observable)]

    def collect(self, sink: Sink, resource: ResourceRecord, time_ns: int) -> Iterator[MetricRecord]:
        """What the streams of ``sink`` have to say."""
        for output in self._of(sink):
            try:
                metric = output.collect(resource, time_ns)
            except Exception as error:
                kind = type(error).__name__
                self._shared.losses.count(
                    "internal", output.name, "%s: cannot be collected (%s).", output.name, kind
                )
                continue
            if metric is not None:
                yield metric

    def stop(self, *, observing: bool) -> None:
        """Measure nothing more; callbacks are asked as long as ``observing``."""
        with self._lock:
            self._is_off = True
            for instrument in self._instruments.values():
                if not (observing and isinstance(instrument, Observable)):
                    instrument.turn(False)

    def after_fork_in_child(self) -> None:
        """Start from zero."""
        self._lock = native.reentrant_lock()
        for output in self.outputs:
            output.stream.start()
        if not self._is_off:
            for instrument in self._instruments.values():
                instrument.turn(True)

    # --- making

    def _watch(self, instrument: Any, callbacks: Iterable[Any] | None) -> Any:
        instrument.watch(callbacks)
        return instrument

    def _make(
        self, shape: type[Instrument], name: Any, unit: Any, description: Any, advisory: Any = None
    ) -> Any:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return self._invalid(shape)
        unit = self._unit(name, unit)
        description = description if isinstance(description, str) else ""
        bounds = self._bounds(name, advisory)
        with self._lock:
            instrument = self._instruments.get((name.lower(), shape.__name__, unit))
            if instrument is not None:
                self._again(instrument, description, bounds)
            elif len(self._instruments) < _MOST_INSTRUMENTS:
                instrument = self._new(shape, name, unit, description, bounds)
        self._shared.losses.speak()
        return self._too_many(shape, name) if instrument is None else instrument

    def _new(
        self,
        shape: type[Instrument],
        name: str,
        unit: str,
        description: str,
        bounds: tuple[float, ...] | None,
    ) -> Any:
        made = Made(
            kind=shape.__name__,
            name=name,
            unit=unit,
            description=description,
            scope=self.scope,
            bounds=bounds,
        )
        outputs = [
            output for sink in self._sinks for output in self._wiring.outputs(made, sink, self._of(sink))
        ]
        instrument = shape(name, unit, description, [output.stream for output in outputs], self._shared)
        if self._is_off:
            instrument.turn(False)
        self.outputs += outputs
        self._instruments[name.lower(), shape.__name__, unit] = instrument
        self._advised[name.lower()] = bounds
        return instrument

    def _too_many(self, shape: type[Instrument], name: str) -> Any:
        self._shared.losses.count(
            "too many instruments",
            self.name,
            "The meter %r has %d instruments; the next, %s, is ignored. Put what varies into attributes.",
            self.name,
            _MOST_INSTRUMENTS,
            name,
        )
        return self._ignoring(shape, name)

    def _of(self, sink: Sink) -> list[Output]:
        return [output for output in self.outputs if output.stream.sink is sink]

    def _again(self, instrument: Any, description: str, bounds: tuple[float, ...] | None) -> None:
        name = instrument.name
        if bounds is not None and self._advised.get(name.lower()) != bounds:
            self._shared.losses.note(
                "advisory", name, "%s exists with other bucket boundaries; those are used.", name
            )
        if description == instrument.description:
            return
        self._shared.losses.note(
            "description", name, "%s exists with another description; the longer one is used.", name
        )
        if len(description) > len(instrument.description):
            for output in self.outputs:
                is_its_own = output.instrument == (name.lower(), type(instrument).__name__, instrument.unit)
                if is_its_own and output.description == instrument.description:
                    output.description = description
            instrument.description = description

    def _invalid(self, shape: type[Instrument]) -> Any:
        # The name is not shown: what is no name may be anything, somebody's address for one.
        self._shared.losses.count(
            "invalid name",
            f"{self.name}/{shape.__name__}",
            "Meter %r: a %s has a name that OpenTelemetry does not allow, and is ignored. Names start with a "
            "letter and have at most 255 letters, digits, and _ . - /.",
            self.name,
            shape.__name__,
        )
        return self._ignoring(shape, "invalid")

    def _ignoring(self, shape: type[Instrument], name: str) -> Any:
        instrument = shape(name, "", "", (), self._shared)
        instrument.turn(False)
        return instrument

    def _unit(self, name: str, unit: object) -> str:
        if unit is None:
            return ""
        if isinstance(unit, str) and _UNIT.fullmatch(unit):
            return unit
        self._shared.losses.tell(
            "invalid unit", name, "%s: its unit is not ASCII of at most 63 characters.", name
        )
        return ""

    def _bounds(self, name: str, advisory: object) -> tuple[float, ...] | None:
        if advisory is None:
            return None
        if are_boundaries(advisory):
            return tuple(map(float, advisory))  # pyright: ignore[reportArgumentType, reportUnknownVariableType]  checked
        self._shared.losses.tell(
            "advisory", name, "%s: explicit_bucket_boundaries_advisory must be numbers that only grow.", name
        )
        return None


ApiCounter.register(Counter)
ApiUpDownCounter.register(UpDownCounter)
ApiHistogram.register(Histogram)
ApiGauge.register(Gauge)
