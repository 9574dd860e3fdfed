"""Whatever a sender writes into a data point, the table takes it or the answer rejects it."""

import io
import math

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)

from traceo.collector.batch import Signal
from traceo.collector.store import arrow
from traceo.collector.store.points import read_points

uint64 = st.sampled_from([0, 1, 5, 2**63 - 1, 2**63, 2**64 - 1])
int32 = st.sampled_from([0, 3, -(2**31), 2**31 - 1])
double = st.sampled_from([0.0, -0.0, 1.5, -2.0, 1e308, math.nan, math.inf, -math.inf])
few = {"max_size": 3}
flags = st.sampled_from([0, 0, 0, 1, 2])
times = {"start_time_unix_nano": uint64, "time_unix_nano": uint64, "flags": flags}
number = st.one_of(st.just({}), st.fixed_dictionaries({"as_double": double}), st.just({"as_int": -(2**63)}))
exemplars = st.lists(
    st.builds(
        lambda value, **more: Exemplar(**value, **more),
        number,
        time_unix_nano=uint64,
        trace_id=st.sampled_from([b"", bytes(16), b"x" * 16, b"odd"]),
    ),
    **few,
)
statistics = {"sum": double, "min": double, "max": double, "count": uint64, "exemplars": exemplars}
buckets = st.builds(
    ExponentialHistogramDataPoint.Buckets, offset=int32, bucket_counts=st.lists(uint64, **few)
)
temporality = st.sampled_from([0, 1, 2, 7])
data = st.one_of(
    st.builds(
        lambda points: {"gauge": Gauge(data_points=points)},
        st.lists(
            st.builds(
                lambda value, **more: NumberDataPoint(**value, **more), number, exemplars=exemplars, **times
            ),
            **few,
        ),
    ),
    st.builds(
        lambda **fields: {"sum": Sum(**fields)},
        aggregation_temporality=temporality,
        data_points=st.lists(
            st.builds(lambda value, **more: NumberDataPoint(**value, **more), number, **times), **few
        ),
    ),
    st.builds(
        lambda **fields: {"histogram": Histogram(**fields)},
        aggregation_temporality=temporality,
        data_points=st.lists(
            st.builds(
                HistogramDataPoint,
                bucket_counts=st.lists(uint64, **few),
                explicit_bounds=st.lists(double, **few),
                **statistics,
                **times,
            ),
            **few,
        ),
    ),
    st.builds(
        lambda **fields: {"exponential_histogram": ExponentialHistogram(**fields)},
        aggregation_temporality=temporality,
        data_points=st.lists(
            st.builds(
                ExponentialHistogramDataPoint,
                scale=int32,
                zero_count=uint64,
                zero_threshold=double,
                positive=buckets,
                negative=buckets,
                **statistics,
                **times,
            ),
            **few,
        ),
    ),
    st.builds(
        lambda points: {"summary": Summary(data_points=points)},
        st.lists(
            st.builds(
                SummaryDataPoint,
                count=uint64,
                sum=double,
                quantile_values=st.lists(
                    st.builds(SummaryDataPoint.ValueAtQuantile, quantile=double, value=double), **few
                ),
                **times,
            ),
            **few,
        ),
    ),
)


@given(st.lists(st.tuples(st.sampled_from(["", "m"]), data), min_size=1, max_size=3))
@settings(max_examples=300)
def test_every_point_is_either_a_row_that_can_be_stored_or_counted_as_rejected(metrics):
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    sent = 0
    for name, one in metrics:
        scope.metrics.add(name=name, **one)
        sent += sum(len(group.data_points) for group in one.values())
    points = read_points(ExportMetricsServiceRequest.FromString(request.SerializeToString()))
    assert len(points.rows) + points.rejected.total() == sent
    assert bool(points.complaint()) == bool(points.rejected)
    if not points.rows:
        return
    table = arrow.from_rows(Signal.METRICS, points.rows)
    file = io.BytesIO()
    arrow.write_parquet(table, file, Signal.METRICS)
    assert table.num_rows == len(points.rows)
    assert {use.name for use in arrow.count_metrics(table)} == {"m"}


def test_a_bound_that_is_no_number_is_rejected_also_alone():
    request = ExportMetricsServiceRequest()
    histogram = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m").histogram
    histogram.aggregation_temporality = 1
    histogram.data_points.add(time_unix_nano=1, count=3, bucket_counts=[1, 2], explicit_bounds=[math.nan])
    assert read_points(request).rejected == {"with buckets that do not fit their bounds": 1}
