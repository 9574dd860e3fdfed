"""Metrics take the way of the other signals: collected when it is time, redacted, delivered, counted."""

import os
import random
import threading

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from traceo.exporters.memory import Memory
from traceo.exporters.otlp import encode_logs, encode_traces, records_left_out
from traceo.exporters.otlp_metrics import encode_metrics
from traceo.exporters.outcome import Outcome
from traceo.pipeline.collection import MetricParts, Schedule
from traceo.pipeline.health import Counts
from traceo.pipeline.prepare import Parts
from traceo.pipeline.scrub import Scrubber
from traceo.pipeline.scrub_metrics import MetricScrubber
from traceo.pipeline.worker import Pipeline
from traceo.records import MetricRecord, NumberPoint, ResourceRecord, ScopeRecord
from traceo.redaction import Engine, Policy

MiB = 1024 * 1024
RESOURCE, SCOPE = ResourceRecord({"service.name": "test"}), ScopeRecord("test")


def a_metric(points=3, name="orders", **fields) -> MetricRecord:
    return MetricRecord(
        resource=RESOURCE,
        scope=SCOPE,
        name=name,
        kind="sum",
        temporality=2,
        points=[NumberPoint(n, 1, 0, {"n": n, "who": f"user{n}@example.com"}) for n in range(points)],
        **fields,
    )


class Source:
    """What there is to collect, and how often it was."""

    def __init__(self) -> None:
        self.records: list[MetricRecord] = [a_metric()]
        self.collections = 0
        self.collected = threading.Event()

    def __call__(self, timeout_s: float) -> list[MetricRecord]:
        assert 0 < timeout_s <= 5
        self.collections += 1
        if self.collections >= 3:
            self.collected.set()
        return self.records


class Big(Memory):
    """A peer that takes only small messages."""

    def send(self, package):
        if package.raw_bytes > 300:
            self.attempts += 1
            return Outcome.refused("too large", status=413)
        return super().send(package)


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def start(source):
    """Make a pipeline over a memory; nothing is collected by the clock unless asked for."""
    made = []

    def start(memory, engine=None, **settings) -> Pipeline:
        engine = engine or Engine(Policy.default())

        def parts() -> Parts:
            scrubber = Scrubber(engine)
            return Parts(
                snapshot=lambda span: span,
                scrubber=scrubber,
                encode_traces=encode_traces,
                encode_logs=encode_logs,
                left_out=records_left_out,
                route=memory,
                report=dict,
                metrics=MetricParts(
                    collect=source, scrubber=MetricScrubber(scrubber, engine), encode=encode_metrics
                ),
            )

        made.append(Pipeline(parts, **{"queue_bytes": 32 * MiB, "flush_every_s": 3600, **settings}))
        return made[-1]

    yield start
    for pipeline in made:
        pipeline.shutdown(10)


def arrived(memory) -> list[tuple[str, int]]:
    """(name, value) of each point, in the order of arrival."""
    return [
        (metric.name, point.as_int)
        for payload in memory.payloads("metrics")
        for group in ExportMetricsServiceRequest.FromString(payload).resource_metrics
        for scope in group.scope_metrics
        for metric in scope.metrics
        for point in metric.sum.data_points
    ]


def counts(pipeline) -> Counts:
    return pipeline.health.point_counts()


def test_a_flush_collects_and_delivers(start, memory, source):
    pipeline = start(memory)
    pipeline.measure()
    assert pipeline.flush(10)
    assert arrived(memory) == [("orders", 0), ("orders", 1), ("orders", 2)]
    assert b"user" not in memory.payloads("metrics")[0]
    assert counts(pipeline) == Counts(created=3, delivered=3)
    assert source.collections == 1


def test_a_process_that_measured_nothing_has_no_thread_and_sends_nothing(start, memory, source):
    before = threading.active_count()
    pipeline = start(memory)
    assert pipeline.flush(10)
    assert pipeline.shutdown(10)
    assert (threading.active_count(), source.collections, memory.attempts) == (before, 0, 0)


def test_the_end_collects_once_more(start, memory, source):
    pipeline = start(memory)
    pipeline.measure()
    assert pipeline.flush(10)
    source.records = [a_metric(1, "last")]
    assert pipeline.shutdown(10)
    assert arrived(memory)[3:] == [("last", 0)]
    assert counts(pipeline) == Counts(created=4, delivered=4)


def test_metrics_are_collected_whenever_it_is_time(start, memory, source):
    pipeline = start(memory, flush_every_s=3600, collect_every_s=0.01)
    pipeline.measure()
    assert source.collected.wait(30)
    assert pipeline.shutdown(10)
    assert len(arrived(memory)) == 3 * source.collections


def test_with_delivery_at_the_exit_only_nothing_is_collected_before(start, memory, source):
    pipeline = start(memory, flush_every_s=None, collect_every_s=0.01)
    pipeline.measure()
    while pipeline.route is None:  # the thread has begun, and would collect if it were to
        pass
    assert pipeline.shutdown(10)
    assert (source.collections, len(arrived(memory))) == (1, 3)


def test_what_cannot_be_delivered_waits_and_what_is_lost_at_the_end_is_counted(start, memory):
    memory.outcome = Outcome.retry("nothing listens there")
    pipeline = start(memory)
    pipeline.measure()
    assert not pipeline.flush(0.2)
    assert counts(pipeline) == Counts(created=3, waiting=3)
    assert not pipeline.shutdown(1)
    assert counts(pipeline) == Counts(created=6, dropped={"exit": 6})


def test_a_message_that_is_too_large_is_cut_down_to_its_points(start, source):
    memory = Big()
    source.records = [a_metric(20, description="d" * 100), a_metric(1, "other")]
    pipeline = start(memory)
    pipeline.measure()
    assert pipeline.flush(10)
    assert arrived(memory) == [*(("orders", n) for n in range(20)), ("other", 0)]
    assert len(memory.packages) > 3
    assert counts(pipeline) == Counts(created=21, delivered=21)


def test_what_the_endpoint_rejects_of_a_message_is_counted(start, memory):
    memory.outcome = Outcome.accepted(rejected=2, message="too old")
    pipeline = start(memory)
    pipeline.measure()
    assert pipeline.flush(10)
    assert counts(pipeline) == Counts(created=3, delivered=1, dropped={"rejected": 2})
    assert pipeline.trouble.reason == "too old"


def test_an_endpoint_without_a_place_for_metrics_is_asked_rarely_and_is_no_trouble(
    start, memory, source, caplog
):
    memory.outcome = Outcome.refused("not found", status=404)
    pipeline = start(memory)
    pipeline.measure()
    for _ in range(3):
        assert pipeline.flush(10)
    assert source.collections == 1
    assert counts(pipeline) == Counts(created=3, dropped={"refused_404": 3})
    assert pipeline.trouble.reason == ""
    assert pipeline.notes() == (
        "the endpoint takes no metrics (it answered 404); metrics=off spares the try",
    )
    assert caplog.records == []


def test_what_was_dropped_is_said_on_the_resource(start, memory):
    memory.outcome = Outcome.refused("no", status=400)
    pipeline = start(memory)
    pipeline.measure()
    assert pipeline.flush(10)
    memory.outcome = Outcome.accepted()
    assert pipeline.flush(10)
    (payload,) = memory.payloads("metrics")
    resource = ExportMetricsServiceRequest.FromString(payload).resource_metrics[0].resource
    assert {a.key: a.value.int_value for a in resource.attributes}["traceo.dropped.refused_400"] == 3


class Broken(Engine):
    """An engine that fails on one value, as only a bug could."""

    def attributes(self, attributes, path, found):
        if attributes and attributes.get("n") == 1:
            raise RuntimeError
        return super().attributes(attributes, path, found)


def test_a_point_that_cannot_be_redacted_does_not_leave_and_the_others_do(start, memory):
    pipeline = start(memory, Broken(Policy.default()))
    pipeline.measure()
    assert pipeline.flush(10)
    assert arrived(memory) == [("orders", 0), ("orders", 2)]
    assert counts(pipeline) == Counts(created=3, delivered=2, dropped={"redaction_error": 1})


def test_a_point_that_cannot_be_encoded_is_counted(start, memory, source):
    source.records[0].points[1].value = "many"
    pipeline = start(memory)
    pipeline.measure()
    assert pipeline.flush(10)
    assert arrived(memory) == [("orders", 0), ("orders", 2)]
    assert counts(pipeline) == Counts(created=3, delivered=2, dropped={"encode_error": 1})


def test_metrics_keep_to_the_budget_and_the_oldest_go(start, memory, source):
    memory.outcome = Outcome.retry("nothing listens there")
    chance = random.Random(7)
    source.records = [a_metric(2_000)]
    for point in source.records[0].points:  # words, which do not compress well and are no secrets
        words = ("".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=4)) for _ in range(40))
        point.attributes = {"words": " ".join(words)}
    pipeline = start(memory, queue_bytes=MiB)
    pipeline.measure()
    for number in range(8):
        pipeline.flush(0.05)
        while source.collections < number + 1 or counts(pipeline).created < 2_000 * (number + 1):
            pass
    found = counts(pipeline)
    assert found.created == 16_000
    assert found.dropped == {"backlog_full": 16_000 - found.waiting}
    assert 0 < found.waiting < 16_000
    assert pipeline.waiting_bytes <= MiB


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_counts_from_zero_and_collects_only_if_it_measures(start, memory, source):
    pipeline = start(memory)
    pipeline.measure()
    assert pipeline.flush(10)
    pipeline.before_fork()
    pipeline.after_fork_in_child()  # what fork() would call; a real one is in tests/endings
    assert counts(pipeline) == Counts()
    assert pipeline.flush(10)
    assert source.collections == 1
    pipeline.measure()
    assert pipeline.flush(10)
    assert counts(pipeline) == Counts(created=3, delivered=3)


def test_the_clock_of_collections_keeps_to_its_raster(clock):
    schedule = Schedule(60, clock)
    assert schedule.wait_s() == 60
    clock.now += 59
    schedule.done()  # a flush
    assert schedule.wait_s() == 1
    clock.now += 62  # it was busy, or the machine slept
    assert schedule.wait_s() == 0
    schedule.done()
    assert schedule.wait_s() == 59
    assert Schedule(None, clock).wait_s() < 0
