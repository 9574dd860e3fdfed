"""Metrics: our implementation of the OpenTelemetry metrics API.

``MeterProvider`` hands out meters; what their instruments measure is kept in cells, one for each series, and
told by ``collect()`` as records (``traceo.records.MetricRecord``). A measurement goes from ``instruments``
through ``stream`` to ``cells``; ``observing`` asks callbacks; ``views``, ``output`` and ``cardinality`` say
what becomes of it. The first three, ``keys`` and ``exponential`` are compiled, see ``traceo._compiled``.

For who collects:

- ``MeterProvider.collect()`` may be called by any thread, one at a time. It has the application's callbacks
  asked in another thread, and waits 10 s for them at most (``timeout_millis``).
- A forked child starts from zero by itself (``os.register_at_fork``); ``after_fork_in_child()`` does it again
  without harm. ``on_first`` is called again in the child.
- ``exemplar_filter`` and ``temporality`` are None by default: then the ``OTEL_*`` variables decide. ``flush``
  is what ``force_flush()`` and ``shutdown()`` call. ``collect()`` works after the shutdown: it tells what was
  measured before.
- ``ignored()`` and ``overflowed()`` count what was dropped, and what went to overflow series.
- ``traceo.metrics.prometheus.collect_prometheus(resource)`` reads the application's ``prometheus_client``.
- A series is sent as a point of a total from its first measurement on, of a delta only when something came.
"""

# First: `traceo.init` waits for it to set our provider, which it must not do in the middle of the next line.
import opentelemetry.metrics  # noqa: F401  # pyright: ignore[reportUnusedImport]  for its effect

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
