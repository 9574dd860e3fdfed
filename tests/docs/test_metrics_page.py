"""docs/metrics.md names the metrics that there are, with their attributes."""

import re
import subprocess
import sys
from pathlib import Path

from traceo import semconv
from traceo.exporters.memory import Memory
from traceo.exporters.otlp import encode_logs, encode_traces, records_left_out
from traceo.exporters.outcome import Outcome
from traceo.pipeline.own_metrics import OwnMetrics
from traceo.pipeline.prepare import Parts
from traceo.pipeline.scrub import Scrubber
from traceo.pipeline.worker import Pipeline
from traceo.records import LogRecord, MetricRecord, ResourceRecord, ScopeRecord
from traceo.redaction import Engine, Policy
from traceo.tracing.families import FAMILIES, OTHER

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "metrics.md").read_text()
_NAME = re.compile(r"`([a-z_]+(?:\.[a-z_]+)+)`")


def _rows(title: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = PAGE.split(f"### {title}\n", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_span_metrics_is_the_table_that_is_used():
    told: dict[str, set[str]] = {}
    same: set[str] = set()
    for metrics, _, attributes in _rows("Of spans"):
        names = set(_NAME.findall(attributes))
        if attributes.startswith("the same"):
            names |= same
        same = names
        for metric in _NAME.findall(metrics):
            told[metric] = names
    used: dict[str, set[str]] = {}
    for shape in (*(shape for row in FAMILIES for shape in row.shapes), OTHER):
        names = set(shape.names) - {semconv.ERROR_TYPE, "rpc.service"}
        used[shape.metric] = used.get(shape.metric, set()) | names
    client_only = {"server.address", "server.port"}
    assert set(told) == set(used)
    for metric, names in used.items():
        extra = client_only if ".server." in metric else set()
        assert told[metric] - extra == names, metric


def _collected() -> list[MetricRecord]:
    """What a pipeline says of itself when everything that it counts has happened."""
    memory = Memory()

    def parts() -> Parts:
        engine = Engine(Policy.default())
        return Parts(
            snapshot=lambda span: span,
            scrubber=Scrubber(engine),
            encode_traces=encode_traces,
            encode_logs=encode_logs,
            left_out=records_left_out,
            route=memory,
            report=engine.report,
            report_by_key=engine.report_by_key,
        )

    pipeline = Pipeline(parts, queue_bytes=1024 * 1024, flush_every_s=3600)
    for outcome in (Outcome.retry("away"), Outcome.accepted(), Outcome.refused("no", status=400)):
        memory.outcome = outcome
        pipeline.put_log(
            LogRecord(resource=ResourceRecord({}), scope=ScopeRecord(""), body="ada@example.com")
        )
        while outcome.kind == "retry" and not pipeline.health.retries:
            pipeline.flush(0.05)
        assert outcome.kind == "retry" or pipeline.flush(10)
    pipeline.shutdown(10)
    return OwnMetrics(pipeline, is_delta=False, clock=lambda: 1).collect(ResourceRecord({}))


def test_the_table_of_traceos_own_metrics_is_complete():
    made = _collected()
    assert {metric.name for metric in made} == {
        name for metrics, *_ in _rows("Of Traceo") for name in _NAME.findall(metrics)
    }
    attributes = {key for metric in made for point in metric.points for key in point.attributes or ()}
    assert attributes == {name for *_, cell in _rows("Of Traceo") for name in _NAME.findall(cell)}


def test_the_examples_of_the_instruments_run():
    # In a process of their own: callbacks that they register live as long as it does.
    code = (
        "import doctest, traceo.meters, traceo.metering\n"
        "print(*(doctest.testmod(one).failed for one in (traceo.meters, traceo.metering)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "0 0\n"
