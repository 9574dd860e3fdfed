# cython: binding=False, embedsignature=True, embedsignature.format=clinic
# Plain C methods: to call one costs a quarter less than with a function object around it.
"""The instruments that an application calls: counters, up-down counters, histograms and gauges. Hot.

They are instances of the OpenTelemetry API's classes by registration (see ``traceo.metrics.meter``): an
abstract base would cost a dict each and cannot be a C type.

Compiled by Cython with the types in ``instruments.pxd``, see ``traceo._compiled``.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from traceo import native
from traceo.metrics.losses import Losses
from traceo.metrics.stream import Stream

__all__ = ["Counter", "Gauge", "Histogram", "Instrument", "Shared", "UpDownCounter"]

# Amounts beyond go the longer way: infinite ones are refused there, great ints become floats.
_FAR = float(1 << 63)


class Shared:
    """What all instruments of a provider share.

    ``on_first`` is called when the first of them measures something, or one with callbacks is made: once a
    process, so again in a forked child.
    """

    def __init__(self, losses: Losses, on_first: Callable[[], object] | None) -> None:
        self.losses = losses
        self._on_first = on_first
        self._is_started = False
        self._lock = native.reentrant_lock()

    def start(self) -> None:
        """Something is measured."""
        if self._is_started:
            return
        with self._lock:
            if self._is_started:
                return
            self._is_started = True
        if self._on_first is None:
            return
        try:
            self._on_first()
        except Exception as error:
            self.losses.count("internal", "", "Metrics cannot be sent (%s).", type(error).__name__)

    def after_fork_in_child(self) -> None:
        """The next measurement is the first again."""
        self._lock = native.reentrant_lock()
        self._is_started = False


class Instrument:
    """What the synchronous instruments have in common.

    ``_stream`` is where a measurement goes directly: None before the first, after the shutdown, and when
    there are several streams or none. Then ``measure`` takes the longer way.
    """

    __slots__ = ("__weakref__", "_is_off", "_shared", "_stream", "_streams", "description", "name", "unit")

    def __init__(
        self, name: str, unit: str, description: str, streams: Sequence[Stream], shared: Shared
    ) -> None:
        self.name = name
        self.unit = unit
        self.description = description
        self._shared = shared
        self._streams = tuple(streams)
        self._stream: Stream | None = None
        self._is_off = False

    def measure(self, amount: Any, attributes: Any, context: Any, may_be_negative: bool) -> None:  # noqa: FBT001  an inner call
        """Check a measurement, and give it to each stream."""
        if self._is_off or not self._streams:  # shut down, or dropped by a view
            return
        try:
            number = self.checked(amount, may_be_negative)
            if number is None:
                return
            self._shared.start()
            for stream in self._streams:
                stream.record(number, attributes, context)
            if len(self._streams) == 1 and not self._is_off:
                self._stream = self._streams[0]
        except Exception as error:
            self.failed(error)

    def checked(self, amount: object, may_be_negative: bool) -> Any:  # noqa: FBT001  as above
        """The amount as an int or a float; None, and counted, when it is not one to be measured."""
        losses = self._shared.losses
        kind = type(amount)
        try:
            number: Any = amount if kind is int or kind is float else _number(amount)
            if type(number) is int and not -_FAR <= number < _FAR:
                number = float(number)
            is_finite = math.isfinite(number)
        except OverflowError:  # an int beyond all floats
            is_finite = False
            number = 0
        except Exception:
            losses.count("not a number", self.name, "%s: %s is not a number; it is ignored.", self.name, kind)
            return None
        if not is_finite:
            losses.count("not finite", self.name, "%s: an amount is not finite; it is ignored.", self.name)
            return None
        if number < 0 and not may_be_negative:
            losses.count("negative", self.name, "%s: an amount is negative; it is ignored.", self.name)
            return None
        return number

    def failed(self, error: Exception) -> None:
        """Count an error of ours, or of the attributes' own code; the application does not see it."""
        losses = self._shared.losses
        losses.count("internal", self.name, "%s: a measurement failed (%s).", self.name, type(error).__name__)

    def turn(self, is_on: bool) -> None:  # noqa: FBT001  as above
        """Take measurements, or ignore them; on, the next one is the first."""
        self._is_off = not is_on
        self._stream = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, unit={self.unit!r})"


def _number(amount: Any) -> Any:
    """Ints and floats of other makes (bool, numpy, Decimal, Fraction) as Python's own."""
    return int(amount) if hasattr(amount, "__index__") else float(amount.__float__())  # not of a str


class Counter(Instrument):
    """A sum that only grows; see ``opentelemetry.metrics.Counter``."""

    __slots__ = ()

    def add(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        """Add ``amount``, which is not negative."""
        stream = self._stream
        kind = type(amount)
        if stream is not None and (kind is int or kind is float):
            try:
                number = amount
                if 0 <= number < _FAR:
                    stream.record(amount, attributes, context)
                    return
            except OverflowError:  # an int beyond all floats
                pass
            except Exception as error:
                self.failed(error)
                return
        self.measure(amount, attributes, context, False)


class UpDownCounter(Instrument):
    """A sum that grows and shrinks; see ``opentelemetry.metrics.UpDownCounter``."""

    __slots__ = ()

    def add(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        """Add ``amount``."""
        stream = self._stream
        kind = type(amount)
        if stream is not None and (kind is int or kind is float):
            try:
                number = amount
                if -_FAR < number < _FAR:
                    stream.record(amount, attributes, context)
                    return
            except OverflowError:  # an int beyond all floats
                pass
            except Exception as error:
                self.failed(error)
                return
        self.measure(amount, attributes, context, True)


class Histogram(Instrument):
    """A distribution; see ``opentelemetry.metrics.Histogram``. A negative amount is ignored and counted."""

    __slots__ = ()

    def record(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        """Record ``amount``, which is not negative."""
        stream = self._stream
        kind = type(amount)
        if stream is not None and (kind is int or kind is float):
            try:
                number = amount
                if 0 <= number < _FAR:
                    stream.record(amount, attributes, context)
                    return
            except OverflowError:  # an int beyond all floats
                pass
            except Exception as error:
                self.failed(error)
                return
        self.measure(amount, attributes, context, False)


class Gauge(Instrument):
    """The value of now; see ``opentelemetry.metrics``."""

    __slots__ = ()

    def set(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        """Set the value."""
        stream = self._stream
        kind = type(amount)
        if stream is not None and (kind is int or kind is float):
            try:
                number = amount
                if -_FAR < number < _FAR:
                    stream.record(amount, attributes, context)
                    return
            except OverflowError:  # an int beyond all floats
                pass
            except Exception as error:
                self.failed(error)
                return
        self.measure(amount, attributes, context, True)


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
