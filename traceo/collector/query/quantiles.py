"""Quantiles of what is only known by buckets."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

__all__ = ["Bucket", "quantile"]

Bucket: TypeAlias = tuple[float, float, float]
"""Lowest value, highest value (may be the same), and how many values are between them."""

_ROUNDING = 1e-9  # a sum that misses the rank by its last bits must not lead to the next bucket


def quantile(buckets: Sequence[Bucket], rank: float) -> float | None:
    """The value below which a share ``rank`` (0 to 1) of all values lies; None when there are none.

    Values are taken to lie evenly between the ends of their bucket. Buckets may overlap: histograms of
    different bounds or scales are put together without a loss.
    """
    total = sum(weight for _, _, weight in buckets)
    if total <= 0:
        return None
    wanted = rank * total
    enough = wanted - total * _ROUNDING
    masses, slopes = _edges(buckets)
    edges = sorted({*masses, *slopes})
    below = slope = 0.0
    before = edges[0]
    for edge in edges:
        grown = below + slope * (edge - before)
        if grown >= enough and slope > 0:
            return min(before + (wanted - below) / slope, edge)
        below = grown + masses.get(edge, 0.0)
        if below >= enough:
            return edge
        slope += slopes.get(edge, 0.0)
        before = edge
    return edges[-1]


def _edges(buckets: Iterable[Bucket]) -> tuple[dict[float, float], dict[float, float]]:
    """At each edge: values that are just there, and the change of values per unit from there on."""
    masses: dict[float, float] = {}
    slopes: dict[float, float] = {}
    for low, high, weight in buckets:
        density = weight / (high - low) if high > low else 0.0
        if not 0.0 < density < float("inf"):  # a width of zero, or next to it, or without an end
            masses[high] = masses.get(high, 0.0) + weight
            continue
        slopes[low] = slopes.get(low, 0.0) + density
        slopes[high] = slopes.get(high, 0.0) - density
    return masses, slopes
