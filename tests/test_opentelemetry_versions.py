"""One OpenTelemetry package at a time is another version than the rest: nothing of ours may mind."""

import os
import subprocess
import sys
import textwrap

import pytest

from tests.beside import FOLDERS, beside

SCRIPT = """
    import importlib.metadata, logging, sys
    package, version = sys.argv[1:]
    assert importlib.metadata.version(package) == version
    import traceo
    client = traceo.init(endpoint="http://127.0.0.1:9", console="off", exit_timeout_s=0.1)
    assert not client.status().notes, client.status().notes
    with traceo.span("pay", amount=7) as span:
        assert span.is_recording()
        logging.getLogger("shop").warning("paid")
    from opentelemetry import propagate, trace
    carrier = {}
    with trace.get_tracer("shop").start_as_current_span("outer"):
        propagate.inject(carrier)
    assert carrier["traceparent"].startswith("00-"), carrier
    assert client.status().spans.created == 2, client.status()
"""
WITH_SDK = """
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    provider = traceo.tracing.TracerProvider(resource=Resource({"service.name": "shop"}), sampler=ALWAYS_ON)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("shop").start_as_current_span("pay"):
        pass
    assert [span.name for span in exporter.get_finished_spans()] == ["pay"]
    assert exporter.get_finished_spans()[0].to_json()
"""


@pytest.mark.parametrize("name", [name for name in FOLDERS if name.startswith("opentelemetry-")])
def test_traceo_starts_and_records_beside_another_version(name):
    package, version = FOLDERS[name][0].split("==")
    script = textwrap.dedent(SCRIPT)
    if not package.endswith("-api"):  # the SDK is not meant for another API than its own
        script += "import traceo.tracing\n" + textwrap.dedent(WITH_SDK)
    done = subprocess.run(
        [sys.executable, "-c", script, package, version],
        env={**os.environ, "PYTHONPATH": str(beside(name)), "TRACEO_ENABLED": "true"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
