import subprocess
import sys

import pytest

APP = """
import logging, sys
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

exporter = OTLPSpanExporter(sys.argv[1] + "/v1/traces", compression=Compression(sys.argv[2]))
provider = TracerProvider(resource=Resource.create({"service.name": "stock"}))
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("app", "3")
with tracer.start_as_current_span("outer", kind=trace.SpanKind.SERVER) as outer:
    outer.set_attribute("n", [1, 2])
    try:
        with tracer.start_as_current_span("inner"):
            raise ValueError("broken")
    except ValueError:
        pass
provider.shutdown()
print(format(outer.context.trace_id, "032x"))
"""


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_an_unchanged_opentelemetry_sdk_process_is_seen(collector, compression):
    result = subprocess.run(
        [sys.executable, "-c", APP, collector.url, compression],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stderr == ""
    spans = collector.get(f"/api/traceo/traces/{result.stdout.strip()}").json["spans"]
    outer, inner = spans
    assert (outer["name"], outer["kind"], outer["parent_span_id"], outer["attributes"]) == (
        "outer",
        "server",
        None,
        {"n": [1, 2]},
    )
    assert (inner["name"], inner["parent_span_id"], inner["status"]) == (
        "inner",
        outer["span_id"],
        {"code": "error", "message": "ValueError: broken"},
    )
    assert inner["events"][0]["attributes"]["exception.message"] == "broken"
    assert inner["scope"] == {"name": "app", "version": "3"}
    assert inner["resource"]["telemetry.sdk.name"] == "opentelemetry"
