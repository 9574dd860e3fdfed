"""Wiring: from an instrument, through the views that match it, to the outputs of each sink."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from traceo.metrics.losses import Losses
from traceo.metrics.output import Output, cell_maker
from traceo.metrics.sinks import Sink
from traceo.metrics.stream import LockedStream, Stream
from traceo.metrics.views import ExplicitBucketHistogram, ExponentialHistogram, View, view_of
from traceo.tracing.scope import InstrumentationScope

__all__ = ["Made", "Wiring"]

_EVERY = View(instrument_name="*")

_has_gil: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
_Stream = Stream if _has_gil() else LockedStream


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument as it was asked for."""

    kind: str
    name: str
    unit: str
    description: str
    scope: InstrumentationScope
    bounds: tuple[float, ...] | None = None
    """The buckets that its advisory says."""


class Wiring:
    """How the instruments of a provider become streams.

    Args:
        views: Traceo's or the OpenTelemetry SDK's; one that is neither is left out, counted and told.
        exemplars: see ``traceo.metrics.stream``.
        limit: the most series of a stream.
        attribute_limit: the most distinct values of one attribute.
        clock: unix nanoseconds.
        losses: where what goes wrong is counted.
    """

    def __init__(
        self,
        *,
        views: Sequence[Any],
        exemplars: int,
        limit: int,
        attribute_limit: int,
        clock: Callable[[], int],
        losses: Losses,
    ) -> None:
        self._losses = losses
        self._views = self._read(views)
        self._exemplars = exemplars
        self._limit = limit
        self._attribute_limit = attribute_limit
        self._clock = clock

    def outputs(self, made: Made, sink: Sink, beside: Sequence[Output]) -> list[Output]:
        """What becomes of an instrument for ``sink``; ``beside`` are the outputs of its meter so far."""
        matching = [view for view in self._views if self._is_for(view, made)] or [_EVERY]
        outputs: list[Output] = []
        for view in matching:
            output = self._output(view, made, sink)
            if output is not None and not self._conflicts(output, outputs, beside):
                outputs.append(output)
        return outputs

    def _read(self, views: Sequence[Any]) -> tuple[View, ...]:
        found: list[View] = []
        for view in views:
            try:
                found.append(view_of(view))
            except (TypeError, ValueError) as error:
                self._losses.count("view", type(view).__name__, "A view of metrics is left out: %s.", error)
        return tuple(found)

    def _is_for(self, view: View, made: Made) -> bool:
        if not view.matches(name=made.name, kind=made.kind, unit=made.unit, meter=made.scope):
            return False
        is_histogram = isinstance(view.aggregation, ExplicitBucketHistogram | ExponentialHistogram)
        if is_histogram and made.kind.startswith("Observable"):
            self._losses.note(
                "view",
                made.name,
                "%s: a view makes a histogram of what callbacks report; not applied.",
                made.name,
            )
            return False
        return True

    def _conflicts(self, output: Output, outputs: list[Output], beside: Sequence[Output]) -> bool:
        """Warn when two instruments become one metric; of one instrument only the first such is made."""
        name = output.name.lower()
        for other in beside:
            if other.name.lower() == name and other.instrument != output.instrument:
                self._losses.note(
                    "duplicate",
                    output.name,
                    "%s exists as %s in %r and is now made as %s in %r: two metrics of one name. "
                    "Give it another name, or rename it by a view.",
                    output.name,
                    other.instrument_kind,
                    other.unit,
                    output.instrument_kind,
                    output.unit,
                )
                break
        return any(other.name.lower() == name and other.kind == output.kind for other in outputs)

    def _output(self, view: View, made: Made, sink: Sink) -> Output | None:
        aggregation = view.aggregation or sink.aggregation(made.kind)
        make = cell_maker(made.kind, aggregation, made.bounds)
        if make is None:
            return None
        shown = view.name or made.name
        limit = self._limit if view.cardinality_limit is None else view.cardinality_limit
        attribute_limit = self._attribute_limit if view.attribute_limit is None else view.attribute_limit
        stream = _Stream(
            make=make,
            clock=self._clock,
            limit=limit,
            attribute_limit=attribute_limit,
            keep=view.attribute_keys,
            exemplars=self._exemplars,
            is_delta=sink.is_delta(made.kind, aggregation),
            is_observed=made.kind.startswith("Observable"),
            on_overflow=lambda: self._losses.tell(
                "overflow",
                shown,
                "%s has more than %d series; further ones are counted together. See traceo.status().",
                shown,
                limit,
            ),
            sink=sink,
        )
        return Output(
            stream=stream,
            aggregation=aggregation,
            instrument_kind=made.kind,
            instrument_name=made.name,
            name=shown,
            description=made.description if view.description is None else view.description,
            unit=made.unit,
            scope=made.scope.record,
        )
