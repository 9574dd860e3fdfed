import os
import threading
import time

import msgspec
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceo.exporters.memory import Memory
from traceo.exporters.outcome import Outcome
from traceo.pipeline.health import Counts
from traceo.pipeline.worker import Pipeline

MiB = 1024 * 1024


def names(memory: Memory) -> list[str]:
    found = []
    for payload in memory.payloads("traces"):
        for resource in ExportTraceServiceRequest.FromString(payload).resource_spans:
            for scope in resource.scope_spans:
                found += [span.name for span in scope.spans]
    return found


def test_spans_and_logs_arrive_scrubbed(pipeline, memory, make_span, make_log):
    pipeline.put_span(make_span(attributes={"note": "for ada@example.com"}))
    pipeline.put_log(make_log("write to ada@example.com"))
    assert pipeline.flush(10)
    (traces,) = memory.payloads("traces")
    (logs,) = memory.payloads("logs")
    (record,) = ExportLogsServiceRequest.FromString(logs).resource_logs[0].scope_logs[0].log_records
    assert record.body.string_value == "write to [EMAIL]"
    assert b"ada@example.com" not in traces + logs
    assert pipeline.balance() == (Counts(created=1, delivered=1), Counts(created=1, delivered=1))
    assert pipeline.redactions()["EMAIL"] == 2


def test_nothing_put_is_nothing_to_wait_for_and_no_thread(pipeline):
    before = threading.active_count()
    assert pipeline.flush(0)
    assert threading.active_count() == before


def test_a_flush_waits_for_everything_put_before_it(pipeline, memory, make_span):
    for number in range(1, 3001):
        pipeline.put_span(make_span(number))
    assert pipeline.flush(10)
    assert len(names(memory)) == 3000
    assert pipeline.health.batches >= 6, "batches hold 512 items at most"


def test_a_flush_that_cannot_deliver_gives_up_in_time_and_keeps_the_data(pipeline, memory, make_span):
    memory.outcome = Outcome.retry("nothing listens there")
    pipeline.put_span(make_span())
    assert not pipeline.flush(0.05)
    assert pipeline.balance()[0] == Counts(created=1, waiting=1)
    memory.outcome = Outcome.accepted()
    assert pipeline.flush(10)
    assert pipeline.balance()[0] == Counts(created=1, delivered=1)


def test_a_flush_counts_a_refusal_as_settled(pipeline, memory, make_span):
    memory.outcome = Outcome.refused("not allowed", status=401)
    pipeline.put_span(make_span())
    assert pipeline.flush(10)
    assert pipeline.balance()[0] == Counts(created=1, dropped={"refused_401": 1})


def test_shutdown_delivers_stops_and_is_idempotent(pipeline, memory, make_span):
    pipeline.put_span(make_span())
    assert pipeline.shutdown(10)
    assert names(memory) == ["work"]
    pipeline.put_span(make_span())
    assert pipeline.shutdown(10)
    assert not pipeline.flush(10)
    assert pipeline.balance()[0] == Counts(created=2, delivered=1, dropped={"after_shutdown": 1})


def test_shutdown_without_a_peer_ever_seen_tries_once_and_goes(pipeline, memory, make_span):
    memory.outcome = Outcome.retry("nothing listens there")
    for number in range(10):
        pipeline.put_span(make_span(number))
    assert not pipeline.shutdown(3600)
    assert memory.attempts == 1
    assert pipeline.balance()[0] == Counts(created=10, dropped={"exit": 10})


class Stuck(Memory):
    """A peer that never answers, until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = threading.Event()
        self.entered = threading.Event()

    def send(self, package):
        self.entered.set()
        self.closed.wait(30)
        return Outcome.retry("closed")

    def close(self):
        self.closed.set()


def test_shutdown_does_not_wait_for_a_peer_that_hangs(assemble, memory, make_span):
    stuck = Stuck()

    pipeline = Pipeline(
        lambda: msgspec.structs.replace(assemble(), route=stuck), queue_bytes=MiB, flush_every_s=0.01
    )
    pipeline.put_span(make_span())
    assert stuck.entered.wait(10)
    assert not pipeline.shutdown(0.05)
    assert stuck.closed.is_set()
    assert pipeline.balance()[0] == Counts(created=1, dropped={"exit": 1})


def test_over_the_budget_created_is_delivered_plus_dropped_exactly(assemble, memory, make_span):
    pipeline = Pipeline(assemble, queue_bytes=MiB, flush_every_s=3600)
    memory.outcome = Outcome.retry("nothing listens there")
    for number in range(1, 20_001):
        pipeline.put_span(make_span(number, attributes={"text": "x" * 100}))
    pipeline.flush(0.2)
    memory.outcome = Outcome.accepted()
    assert pipeline.shutdown(10)
    (counts, _) = pipeline.balance()
    assert counts.created == 20_000
    assert counts.waiting == 0
    assert counts.delivered == len(names(memory))
    assert counts.created == counts.delivered + sum(counts.dropped.values())
    assert set(counts.dropped) <= {"queue_full", "backlog_full"}
    assert counts.dropped["queue_full"] > 0


def test_a_pipeline_that_fails_goes_on_and_counts_what_it_had_in_hand(assemble, memory, make_span):
    class Buggy(Memory):
        def package(self, signal, payload, batch_id):
            if not self.attempts:
                self.attempts = 1
                raise RuntimeError
            return super().package(signal, payload, batch_id)

    route = Buggy()
    pipeline = Pipeline(
        lambda: msgspec.structs.replace(assemble(), route=route), queue_bytes=MiB, flush_every_s=0.01
    )
    pipeline.put_span(make_span())
    assert pipeline.flush(10)
    pipeline.put_span(make_span())
    assert pipeline.flush(10)
    assert pipeline.health.restarts == 1
    assert pipeline.balance()[0] == Counts(created=2, delivered=1, dropped={"pipeline_error": 1})
    pipeline.shutdown(10)


def test_parts_that_cannot_be_made_yet_cost_no_span(assemble, memory, make_span):
    failures = iter([RuntimeError("first"), None])

    def sometimes():
        failure = next(failures, None)
        if failure is not None:
            raise failure
        return assemble()

    pipeline = Pipeline(sometimes, queue_bytes=MiB, flush_every_s=0.01)
    pipeline.put_span(make_span())
    assert pipeline.flush(10)
    assert pipeline.health.restarts == 1
    assert pipeline.balance()[0] == Counts(created=1, delivered=1)
    pipeline.shutdown(10)


def test_not_even_an_exit_thrown_into_the_thread_ends_it(assemble, memory, make_span, caplog):
    class Fatal(BaseException):
        pass

    deaths = iter([Fatal(), SystemExit(3)])

    def twice():
        for death in deaths:
            raise death
        return assemble()

    pipeline = Pipeline(twice, queue_bytes=MiB, flush_every_s=0.01)
    pipeline.put_span(make_span())
    pipeline.put_span(make_span())
    assert pipeline.flush(10)
    assert pipeline.health.restarts == 2
    assert pipeline.balance()[0] == Counts(created=2, delivered=2)
    assert "the pipeline failed with Fatal and goes on" in caplog.text
    pipeline.shutdown(10)


def test_a_thread_that_is_gone_is_replaced_by_the_next_put(pipeline, memory, make_span):
    pipeline.put_span(make_span())
    assert pipeline.flush(10)
    pipeline._stopping = True  # the thread goes, and what it leaves is what C code leaves that ends one
    pipeline.queue.rouse()
    assert pipeline._finished.acquire(timeout=10)
    pipeline._stopping = False
    pipeline.put_span(make_span())
    assert pipeline.flush(10)
    assert pipeline.health.restarts == 1
    assert pipeline.balance()[0] == Counts(created=2, delivered=2)


def test_without_a_timer_nothing_is_sent_before_a_flush_or_half_of_the_budget(assemble, memory, make_span):
    pipeline = Pipeline(assemble, queue_bytes=MiB, flush_every_s=None)
    for number in range(600):
        pipeline.put_span(make_span(number))
    assert pipeline.balance()[0] == Counts(created=600, waiting=600)
    assert pipeline.flush(10)
    assert memory.attempts == 2
    for number in range(1200):
        pipeline.put_span(make_span(number))
    deadline = time.monotonic() + 10
    while memory.attempts == 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert memory.attempts > 2
    assert pipeline.shutdown(10)
    assert pipeline.balance()[0] == Counts(created=1800, delivered=1800)


def test_without_a_thread_to_be_had_flush_and_shutdown_work_in_the_callers(
    pipeline, memory, make_span, monkeypatch
):
    def refuse(function, arguments):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("traceo.pipeline.worker.start_new_thread", refuse)
    pipeline.put_span(make_span())
    assert pipeline.flush(10)
    pipeline.put_span(make_span())
    assert pipeline.shutdown(10)
    assert names(memory) == ["work", "work"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_starts_empty_with_its_own_thread_and_the_parent_keeps_its_data(
    pipeline, memory, make_span
):
    memory.outcome = Outcome.retry("nothing listens there")
    for number in range(5):
        pipeline.put_span(make_span(number))
    pipeline.flush(0.05)
    read_end, write_end = os.pipe()
    pipeline.before_fork()
    child = os.fork()
    if child == 0:  # in the child: report through the pipe, and leave without pytest's own exit
        code = 1
        try:
            pipeline.after_fork_in_child()
            memory.packages.clear()
            memory.outcome = Outcome.accepted()
            empty = pipeline.balance()[0] == Counts()
            pipeline.put_span(make_span(9))
            flushed = pipeline.flush(10)
            os.write(
                write_end, repr((empty, flushed, pipeline.balance()[0].delivered, names(memory))).encode()
            )
            code = 0
        finally:
            os._exit(code)
    pipeline.after_fork_in_parent()
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        assert pipe.read() == repr((True, True, 1, ["work"]))
    assert os.waitpid(child, 0)[1] == 0
    memory.outcome = Outcome.accepted()
    assert pipeline.flush(10)
    assert pipeline.balance()[0] == Counts(created=5, delivered=5)
