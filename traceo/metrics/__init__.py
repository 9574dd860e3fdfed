"""Metrics: our implementation of the OpenTelemetry metrics API.

``MeterProvider`` hands out meters; what their instruments measure is kept in cells, one a series, and told by
``collect()`` as ``traceo.records.MetricRecord``s. See the modules: ``instruments`` → ``stream`` → ``cells`` is
the way of a measurement; ``observing`` asks callbacks; ``views``, ``output`` and ``cardinality`` say what
becomes of it. The first three and ``keys`` are compiled, see ``traceo._compiled``.
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
