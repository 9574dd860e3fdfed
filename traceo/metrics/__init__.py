"""Metrics: our implementation of the OpenTelemetry metrics API.

``MeterProvider`` hands out meters; what their instruments measure is kept in cells, one for each series, and
told by ``collect()`` as records (``traceo.records.MetricRecord``). A measurement goes from ``instruments``
through ``stream`` to ``cells``; ``observing`` asks callbacks; ``views``, ``output`` and ``cardinality`` say
what becomes of it. The first three and ``keys`` are compiled, see ``traceo._compiled``.
"""

from traceo.metrics.provider import MeterProvider
from traceo.metrics.views import (
    Drop,
    ExplicitBucketHistogram,
    ExponentialHistogram,
    LastValue,
    Sum,
    View,
)

__all__ = [
    "Drop",
    "ExplicitBucketHistogram",
    "ExponentialHistogram",
    "LastValue",
    "MeterProvider",
    "Sum",
    "View",
]
