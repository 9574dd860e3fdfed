"""Views: which instruments become which metric streams, with what aggregation and which attributes.

OpenTelemetry's ``View`` objects (``opentelemetry.sdk.metrics.view``) are taken as well, by what they carry:
the SDK is not imported for them.
"""

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, TypeAlias, cast

import msgspec

__all__ = [
    "Aggregation",
    "Drop",
    "ExplicitBucketHistogram",
    "ExponentialHistogram",
    "LastValue",
    "Sum",
    "View",
    "aggregation_of",
    "are_boundaries",
    "view_of",
]


class Drop(msgspec.Struct, frozen=True):
    """Nothing is aggregated, nothing is sent."""


class Sum(msgspec.Struct, frozen=True):
    """The sum of what was measured."""


class LastValue(msgspec.Struct, frozen=True):
    """The last value measured."""


class ExplicitBucketHistogram(msgspec.Struct, frozen=True):
    """A histogram with these bucket ends, each inclusive; None for the instrument's own or the standard's."""

    boundaries: tuple[float, ...] | None = None
    record_min_max: bool = True

    def __post_init__(self) -> None:
        if self.boundaries is not None and not are_boundaries(self.boundaries):
            raise ValueError("boundaries must be finite numbers, each greater than the one before")


class ExponentialHistogram(msgspec.Struct, frozen=True):
    """A base-2 exponential histogram: at most ``max_size`` buckets a side, as fine as that allows."""

    max_size: int = 160
    max_scale: int = 20
    record_min_max: bool = True

    def __post_init__(self) -> None:
        if not 2 <= self.max_size <= 16384:
            raise ValueError(f"max_size is {self.max_size}; give a number from 2 to 16384")
        if not -10 <= self.max_scale <= 20:
            raise ValueError(f"max_scale is {self.max_scale}; give a number from -10 to 20")


Aggregation: TypeAlias = Drop | Sum | LastValue | ExplicitBucketHistogram | ExponentialHistogram


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Which instruments it is for, and what becomes of their measurements.

    An instrument is matched by all of the first seven that are given: ``instrument_name`` and
    ``instrument_unit`` with ``*`` and ``?``, names in any case, ``instrument_type`` by a class of
    ``opentelemetry.metrics`` or its name. What is left None stays as the instrument has it.
    ``attribute_keys`` names the attributes that are kept. ``cardinality_limit`` bounds the series of the
    stream, ``attribute_limit`` the distinct values of any one attribute; beyond it is the overflow series.

    Raises ValueError when nothing is matched, or many would get one ``name``.

    >>> View(instrument_name="http.*.duration", aggregation=ExponentialHistogram()).name is None
    True
    """

    instrument_name: str | None = None
    instrument_type: str | type | None = None
    instrument_unit: str | None = None
    meter_name: str | None = None
    meter_version: str | None = None
    meter_schema_url: str | None = None
    name: str | None = None
    description: str | None = None
    attribute_keys: frozenset[str] | None = None
    aggregation: Aggregation | None = None
    cardinality_limit: int | None = None
    attribute_limit: int | None = None

    def __post_init__(self) -> None:
        if self.instrument_name is not None and self.name is not None:
            if any(wild in self.instrument_name for wild in "*?"):
                raise ValueError(f"a view that names its stream {self.name!r} cannot match by a wildcard")
            return
        if not any(
            (
                self.instrument_name,
                self.instrument_type,
                self.instrument_unit,
                self.meter_name,
                self.meter_version,
                self.meter_schema_url,
            )
        ):
            raise ValueError("a view must say which instruments it is for, for example instrument_name='*'")

    def matches(self, *, name: str, kind: str, unit: str, meter: Any) -> bool:
        """Whether it is for this instrument; ``meter`` has ``name``, ``version`` and ``schema_url``."""
        return (
            (self.instrument_name is None or fnmatchcase(name.lower(), self.instrument_name.lower()))
            and (self.instrument_type is None or _kind(self.instrument_type) == kind.lower())
            and (self.instrument_unit is None or fnmatchcase(unit, self.instrument_unit))
            and (self.meter_name is None or meter.name == self.meter_name)
            and (self.meter_version is None or (meter.version or "") == self.meter_version)
            and (self.meter_schema_url is None or (meter.schema_url or "") == self.meter_schema_url)
        )


def _kind(instrument_type: str | type) -> str:
    """``Counter``, ``_Counter``, "up_down_counter" and "UpDownCounter": one name for each kind."""
    name = instrument_type if isinstance(instrument_type, str) else instrument_type.__name__
    return name.replace("_", "").lower()


def are_boundaries(values: object) -> bool:
    """Whether these can be the ends of buckets: finite numbers that only grow."""
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        return False
    numbers = cast("Sequence[object]", values)
    try:
        if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
            return False
        ends = cast("Sequence[float]", numbers)
        return all(low < high for low, high in pairwise(ends))
    except Exception:  # a sequence of the application's own
        return False


def view_of(view: Any) -> View:
    """``view`` if it is one of ours, else what a view of OpenTelemetry's SDK says; or ValueError."""
    if isinstance(view, View):
        return view
    try:
        keys = view._attribute_keys  # noqa: SLF001  the SDK's view has no public fields
        return View(
            instrument_name=view._instrument_name,  # noqa: SLF001
            instrument_type=view._instrument_type,  # noqa: SLF001
            instrument_unit=view._instrument_unit,  # noqa: SLF001
            meter_name=view._meter_name,  # noqa: SLF001
            meter_version=view._meter_version,  # noqa: SLF001
            meter_schema_url=view._meter_schema_url,  # noqa: SLF001
            name=view._name,  # noqa: SLF001
            description=view._description,  # noqa: SLF001
            attribute_keys=None if keys is None else frozenset(keys),
            aggregation=aggregation_of(view._aggregation),  # noqa: SLF001
        )
    except AttributeError:
        raise ValueError(f"{type(view).__name__} is not a view") from None


def aggregation_of(given: Any) -> Aggregation | None:
    """What an aggregation of OpenTelemetry's SDK says; None for its default."""
    name = type(given).__name__
    if name == "DropAggregation":
        return Drop()
    if name == "SumAggregation":
        return Sum()
    if name == "LastValueAggregation":
        return LastValue()
    if name == "ExplicitBucketHistogramAggregation":
        ends = given._boundaries  # noqa: SLF001
        return ExplicitBucketHistogram(None if ends is None else tuple(ends), given._record_min_max)  # noqa: SLF001
    if name == "ExponentialBucketHistogramAggregation":
        return ExponentialHistogram(given._max_size, given._max_scale, given._record_min_max)  # noqa: SLF001
    return None
