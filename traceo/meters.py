"""Metrics made by hand: `counter`, `up_down_counter`, `histogram`, `gauge`, and four of them that are asked.

They are OpenTelemetry's instruments, made by the global meter provider. One made before `traceo.init`, at the
top of a module for example, starts to count with it; when another meter provider was there first, they count
there. Attributes are for what has few values: a route, a country, a kind of payment.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from opentelemetry import metrics
from opentelemetry.metrics import (
    CallbackOptions,
    Counter,
    Histogram,
    Meter,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    Observation,
    UpDownCounter,
)
from opentelemetry.metrics import _Gauge as Gauge  # its name in the API

from traceo._version import __version__
from traceo.records import AnyValue

__all__ = [
    "Observed",
    "counter",
    "gauge",
    "histogram",
    "observable_counter",
    "observable_gauge",
    "observable_up_down_counter",
    "up_down_counter",
]

Observed: TypeAlias = "float | Iterable[tuple[float, Mapping[str, AnyValue]] | Observation]"
"""What a callback returns: one number, or a number with attributes for each series."""

_SCOPE = "traceo"


def counter(name: str, /, *, unit: str = "", description: str = "") -> Counter:
    """A sum that only grows: orders, bytes, failures. ``unit`` by UCUM: ``s``, ``By``, ``{order}``.

    >>> orders = counter("shop.orders", unit="{order}")
    >>> orders.add(1, {"country": "IN"})
    """
    return _meter().create_counter(name, unit, description)


def up_down_counter(name: str, /, *, unit: str = "", description: str = "") -> UpDownCounter:
    """A sum that grows and shrinks: what is open, waiting, in use.

    >>> carts = up_down_counter("shop.carts.open", unit="{cart}")
    >>> carts.add(1)
    >>> carts.add(-1)
    """
    return _meter().create_up_down_counter(name, unit, description)


def histogram(
    name: str, /, *, unit: str = "", description: str = "", buckets: Sequence[float] | None = None
) -> Histogram:
    """The distribution of values: durations, sizes. ``buckets`` are upper bounds, in the unit, ascending.

    >>> sizes = histogram("shop.basket.size", unit="{item}", buckets=[1, 2, 5, 10, 50])
    >>> sizes.record(3, {"country": "IN"})
    """
    return _meter().create_histogram(
        name,
        unit,
        description,
        explicit_bucket_boundaries_advisory=None if buckets is None else list(buckets),
    )


def gauge(name: str, /, *, unit: str = "", description: str = "") -> Gauge:
    """A value that is set and cannot be summed: a temperature, a setting, the age of something.

    >>> age = gauge("shop.prices.age", unit="s")
    >>> age.set(12.5)
    """
    return _meter().create_gauge(name, unit, description)


def observable_counter(
    name: str, callback: Callable[[], Observed], /, *, unit: str = "", description: str = ""
) -> ObservableCounter:
    """A sum that only grows and is kept elsewhere; asked for once a collection, in a thread of Traceo's.

    ``callback`` returns all of the sum so far, not what has come since.

    >>> seen = observable_counter("shop.pages.seen", lambda: 7)
    """
    return _meter().create_observable_counter(name, [_asked(callback)], unit, description)


def observable_up_down_counter(
    name: str, callback: Callable[[], Observed], /, *, unit: str = "", description: str = ""
) -> ObservableUpDownCounter:
    """A sum that grows and shrinks and is kept elsewhere; see `observable_counter`.

    >>> pool = {"db": 3, "cache": 1}
    >>> used = observable_up_down_counter(
    ...     "shop.connections", lambda: [(number, {"pool": name}) for name, number in pool.items()]
    ... )
    """
    return _meter().create_observable_up_down_counter(name, [_asked(callback)], unit, description)


def observable_gauge(
    name: str, callback: Callable[[], Observed], /, *, unit: str = "", description: str = ""
) -> ObservableGauge:
    """A value that is read once a collection; see `observable_counter`.

    >>> waiting = [1, 2]
    >>> length = observable_gauge("shop.queue.length", lambda: len(waiting))
    """
    return _meter().create_observable_gauge(name, [_asked(callback)], unit, description)


def _meter() -> Meter:
    # Asked for each time: before init() it is OpenTelemetry's proxy, afterwards ours, which costs less.
    return metrics.get_meter(_SCOPE, __version__)


def _asked(callback: Callable[[], Observed]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        found = callback()
        if isinstance(found, (int, float)):
            return [Observation(found)]
        return [one if isinstance(one, Observation) else _observation(*one) for one in found]

    return observe


def _observation(value: float, attributes: Mapping[str, AnyValue]) -> Observation:
    return Observation(value, attributes)  # pyright: ignore[reportArgumentType]  more kinds of values than the API's
