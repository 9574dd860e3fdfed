"""The pipeline thread, and what the application calls to feed it, wait for it and end it.

One thread a process, started by the first put: a process without spans has none, a forked child gets its
own. Everything expensive is imported and built in that thread by ``assemble``. Only raw locks and threads
are used: the application's side may be a signal handler, or a greenlet (see `traceo.native`).
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from opentelemetry import context, trace

from traceo.native import allocate_lock, get_ident, pause, start_new_thread, taken_lock, wait
from traceo.pipeline.delivery import Delivery
from traceo.pipeline.health import KEYS, METRICS, Counts, Health
from traceo.pipeline.queue import LOGS, SPANS, Barrier, Queue
from traceo.pipeline.shedding import Shed
from traceo.pipeline.trouble import Trouble
from traceo.records import LogRecord

if TYPE_CHECKING:  # the pipeline thread imports it
    from traceo.pipeline.collection import Schedule
    from traceo.pipeline.prepare import Parts, Prepared, Route

__all__ = ["Pipeline"]

_BATCH_ITEMS = 512
_BATCH_BYTES = 1024 * 1024
_LARGE_ITEM_BYTES = 64 * 1024
_FORK_WAIT_S = 2.0
_PARK_S = 0.25
"""What the end of a process may take beyond its time, until the thread is where it can be left."""
_RESERVE_S = 0.5
_PATIENCE_S = 5.0  # with callbacks of the application that do not return


class Pipeline:
    """Takes what the application ends, delivers it, and never makes the application wait.

    Args:
        assemble: makes the parts; runs in the pipeline thread.
        queue_bytes: the budget for all that waits, before and after encoding.
        flush_every_s: how long an item may wait before it is sent; ``None``: until a flush, the end, or half
            of the budget is used.
        collect_every_s: how often metrics are collected, if ``flush_every_s`` is not ``None``.
        retry_cap_s: the longest pause between two attempts.
        endpoint: for the lines on stderr.
        advice: what those lines tell the reader to do.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        assemble: Callable[[], "Parts"],
        *,
        queue_bytes: int,
        flush_every_s: float | None,
        collect_every_s: float = 60.0,
        retry_cap_s: float = 30.0,
        endpoint: str = "",
        advice: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._assemble = assemble
        self._queue_bytes = queue_bytes
        self._flush_every_s = flush_every_s
        self._collect_every_s = None if flush_every_s is None else collect_every_s
        self._retry_cap_s = retry_cap_s
        self._endpoint = endpoint
        self._advice = advice
        self._clock = clock
        self._shed = Shed(clock)
        self.queue = Queue(queue_bytes, self._start, rouse_at_half=flush_every_s is None, shed=self._shed)
        self.put_span: Callable[[object], None] = self.queue.put
        self.put_log: Callable[[LogRecord], None] = self.queue.put
        self._stopped = False
        self._renew()

    def _renew(self) -> None:
        """All that belongs to one process."""
        self.health = Health()
        self.trouble = Trouble(self._endpoint, self.balance, self._advice, self._clock)
        self._parts: Parts | None = None
        # redactions counted before a fork, by rule and by key
        self._inherited: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._delivery = Delivery(
            limit_bytes=self._queue_bytes
            * 3
            // 4,  # a quarter stays for what comes in while the backlog is full
            retry_cap_s=self._retry_cap_s,
            shed=self._shed,
            health=self.health,
            trouble=self.trouble,
            clock=self._clock,
        )
        # taken from the queue, not yet in the backlog or dropped
        self._open: dict[str, int] = {SPANS: 0, LOGS: 0}
        self._schedule: Schedule | None = None
        self._is_measuring = False
        self._overflow = 0
        self._stopping = False
        self._deadline = self._exit_s = 0.0
        self._finished = taken_lock()
        self._alive = self._was_alive = False
        self._thread_id = 0
        self._starting = allocate_lock()
        self._working = allocate_lock()  # held where a fork would cut something in two
        self._halt: list[Callable[[], object]] = []
        self._held_for_fork = False
        self._of_parent: set[int] = set()  # spans that were open when this process was forked

    # Called by the application.

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was put before is delivered or refused; False if that took too long."""
        if self._stopped or (self._alive and self._thread_id == get_ident()):
            return False
        if not self._was_alive and not self._has_work():
            return True
        done = taken_lock()
        self.queue.bar(Barrier(done.release))
        if not self._alive:
            self._work(self._turn)  # no thread to be had: interpreter shutdown, or a limit of the host
            return not done.locked()
        return wait(done, timeout_s)

    def shutdown(self, timeout_s: float) -> bool:
        """Deliver what there is, then stop for good; True if nothing was lost. Again does nothing.

        From a signal handler that interrupts it, it waits for what is left of the first call's time.
        """
        if self._stopped:
            return not self._lost_at_exit()
        deadline = self._clock() + timeout_s
        self._exit_s = timeout_s
        self._deadline = min(self._deadline, deadline) if self._stopping else deadline
        self._stopping = True
        self.queue.close()
        if self._has_work():
            self._start()
        if self._has_begun(timeout_s / 2):
            self.queue.rouse()
            if not self._has_finished(self._deadline - self._reserve_s()):
                self._close_route()
                if not self._has_finished(self._deadline):
                    self._delivery.abandon()
        elif self._has_work():
            self._work(self._finish)
        self._stopped = True
        self._delivery.abandon()
        spans, logs = self.balance()
        for signal, counts in ((SPANS, spans), (LOGS, logs), (METRICS, self.health.point_counts())):
            if counts.waiting:
                self.health.drop(signal, "exit", counts.waiting)
        self.trouble.ended(self._lost_at_exit())
        return not self._lost_at_exit()

    def _close_route(self) -> None:
        """A send that is under way fails. With a spool in time for all to go there, otherwise at the end."""
        if (self._parts is None or self._parts.spool is None) and self._has_finished(self._deadline):
            return
        self._delivery.is_closing = True
        if self._parts is not None:
            self._parts.route.close()

    def leave_out_log(self) -> None:
        """Count a log line that is not put, because too many came from its place."""
        self.health.limited.add()

    def miss_log(self) -> None:
        """Count a log line that could not be made into a record."""
        self.health.missed.add()

    def start(self) -> None:
        """Have the thread before anything is put: something may wait on disk."""
        self._start()

    def measure(self) -> None:
        """Something has been measured in this process: have the thread, and a last collection at the end."""
        self._is_measuring = True
        self._start()

    def _has_work(self) -> bool:
        return self._is_measuring or any(self.queue.waiting().values())

    def balance(self) -> tuple[Counts, Counts]:
        """The counts of spans and of logs."""
        return self.health.counts(SPANS, self.queue), self.health.counts(LOGS, self.queue)

    def redactions(self) -> dict[str, int]:
        """Redactions so far in this process, by rule."""
        return _since(self._inherited[0], self._parts.report()) if self._parts is not None else {}

    def redactions_by_key(self) -> dict[str, int]:
        """The same by attribute key; bounded, the rest counts as one."""
        return _since(self._inherited[1], self._parts.report_by_key()) if self._parts is not None else {}

    def notes(self) -> tuple[str, ...]:
        """What a user should know about redaction and about the endpoint."""
        notes = tuple(self._parts.notes()) if self._parts is not None else ()
        if status := self.health.refuses_metrics:
            return (
                *notes,
                f"the endpoint takes no metrics (it answered {status}); metrics=off spares the try",
            )
        return notes

    @property
    def waiting_bytes(self) -> int:
        """Estimated memory of what waits."""
        return self.queue.estimated_bytes + self._delivery.waiting_bytes

    @property
    def has_thread(self) -> bool:
        """Whether there is a pipeline thread; without one, the caller of `flush` or `shutdown` works."""
        return self._alive

    @property
    def spool(self) -> str:
        """Where batches wait on disk, or what is wrong with that place; empty for in memory only."""
        spool = self._parts.spool if self._parts is not None else None
        return (spool.trouble or str(spool.folder)) if spool is not None else ""

    @property
    def spool_bytes(self) -> int:
        """What the files there take."""
        spool = self._parts.spool if self._parts is not None else None
        return spool.bytes if spool is not None else 0

    @property
    def route(self) -> "Route | None":
        """Where batches go, once the thread has made it."""
        return self._parts.route if self._parts is not None else None

    def park(self) -> None:
        """The interpreter is about to go: let the thread finish the item in hand, and then do no more.

        A thread that comes back from C++ to an interpreter that is gone takes the process with it ("terminate
        called without an active exception", exit status -6). RE2 is C++; whatever calls it works under the
        lock that is kept here for good. So do imports: one that is cut off keeps its own lock for ever, from
        whoever imports at the very end.
        """
        self._halt.append(self._stand_still)
        self._working.acquire(timeout=max(_PARK_S, self._deadline - self._clock()))

    def pass_by(self) -> None:
        """A place between two steps of a piece of work where the thread may be parked."""
        if self._halt:
            self._halt[0]()

    @contextmanager
    def at_rest(self) -> Generator[None]:
        """Meanwhile the thread is in no import and in no batch, as far as that can be waited for."""
        is_held = self._working.acquire(timeout=_FORK_WAIT_S)
        try:
            yield
        finally:
            if is_held:
                self._working.release()

    # Around a fork.

    def before_fork(self) -> None:
        """Do not fork in the middle of an import or of a batch: nobody in the child would finish either."""
        self._held_for_fork = self._working.acquire(timeout=_FORK_WAIT_S)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._held_for_fork:
            self._working.release()

    def after_fork_in_child(self) -> None:
        """Start empty: what was waiting is the parent's to deliver. The first put starts a thread.

        The parts are kept if they were at rest: they hold no lock then, and the sender opens a connection of
        its own when it sees another process id. The spans that were open at the fork are the parent's too.
        """
        if self._parts is not None and self._parts.spool is not None:
            self._parts.spool.forget()
        parts = self._parts if self._held_for_fork else None
        self.queue.reset()
        self._renew()
        current = trace.get_current_span()
        if current.is_recording():
            self._of_parent.add(current.get_span_context().span_id)
        self._parts = parts
        if parts is not None:
            self._delivery.equip(self._route, parts.spool)
            self._inherited = (parts.report(), parts.report_by_key())
        if self._stopped:
            self.queue.close()

    # The thread.

    def _start(self) -> None:
        """Have a live thread. In the application's thread: no waiting for a lock, no exception."""
        if self._alive or self._stopped or not self._starting.acquire(blocking=False):
            return
        try:
            if self._was_alive:
                self.health.restarts += 1
            # Before it lives: a signal handler that comes between must wait for it, not do its work.
            self._alive = self._was_alive = True
            start_new_thread(self._run, ())
        except Exception:  # no more threads; flush and shutdown do the work themselves
            self._alive = self._was_alive = False
        finally:
            self._starting.release()

    def _run(self) -> None:
        try:
            self._thread_id = get_ident()
            # Whatever sends our batches must not make spans of them.
            context.attach(context.set_value("suppress_instrumentation", True))
            while not self._stopping:
                if not self._work(self._loop):
                    self.health.restarts += 1
                    self.queue.wake.acquire(timeout=1.0)
                    self.queue.rouse()  # whoever waits for what is still there must not wait for the timer
            self._work(self._finish)
        finally:
            self._alive = False
            if self._finished.locked():
                self._finished.release()

    def _has_begun(self, timeout_s: float) -> bool:
        """Whether the thread lives. One that was started without the memory to run never says a word."""
        until = self._clock() + timeout_s
        while self._alive and not self._thread_id and self._clock() < until:
            pause(0.001)
        return self._alive and bool(self._thread_id)

    def _has_finished(self, until: float) -> bool:
        finished = self._finished.acquire(timeout=max(0.0, until - self._clock()))
        if finished:
            self._finished.release()
        return finished

    def _work(self, task: Callable[[], None]) -> bool:
        """Run a piece of work; if it fails, what it had in hand is counted as dropped, the rest goes on."""
        self._write_off()  # what a thread that died had in hand
        try:
            task()
        except BaseException as error:  # even an exit that was thrown into the thread is not its end
            self._write_off()
            self.trouble.lost(f"the pipeline failed with {type(error).__name__} and goes on")
            return False
        return True

    def _loop(self) -> None:
        if self._parts is None:
            self._make_parts()  # now rather than with the first batch: a short process may end before that
        while True:
            pause_s = -1.0 if self._flush_every_s is None else self._flush_every_s
            if not self._delivery.is_drained:
                retry_s = max(0.001, self._delivery.pause_s())
                pause_s = retry_s if pause_s < 0 else min(pause_s, retry_s)
            if self._collect_every_s is not None:
                pause_s = min(pause_s, max(0.001, self._schedule_of_metrics().wait_s()))
            self.queue.wake.acquire(timeout=pause_s)
            if self._stopping:
                return
            self._turn()
            if self._collect_every_s is not None and not self._schedule_of_metrics().wait_s():
                self._collect()
                self._deliver()
            if self._parts is not None and self._parts.metrics is not None:
                self._parts.metrics.tick()

    def _turn(self) -> None:
        """Empty the queue into the backlog, and the backlog into the destination as far as it takes it."""
        delivery = self._delivery
        self._thin_out()
        while items := self.queue.take(_BATCH_ITEMS, _BATCH_BYTES):
            barrier = cast("Barrier", items.pop()) if type(items[-1]) is Barrier else None
            try:
                prepared = self._prepare(items) if items else None
                if barrier is not None:
                    self._collect()
            finally:
                if barrier is not None:
                    delivery.wait_for(barrier)
            delivery.run()
            self.queue.held_bytes = delivery.waiting_bytes
            if prepared is not None:
                self._show(prepared)
        self._deliver()

    def _deliver(self) -> None:
        """The backlog into the destination, as far as it takes it."""
        delivery = self._delivery
        delivery.run()
        if (spool := delivery.holding.spool) is not None:
            spool.sync()
        self.queue.held_bytes = delivery.waiting_bytes
        self._notice_overflow()

    def _finish(self) -> None:
        """The last turn. A peer that was never there is not waited for; one that was, until the deadline.

        What is left on disk, by this process or those before it, may take half of the time. What cannot be
        delivered goes there.
        """
        delivery = self._delivery
        drain_until = (self._clock() + self._deadline) / 2
        has_collected = False
        while True:
            delivery.hurry = True
            self._turn()
            if not has_collected:  # after what waits: this may run code of the application
                has_collected = True
                is_news = delivery.is_empty or delivery.reached
                if self._collect() and is_news:
                    delivery.hurry = True
                    self._deliver()
            if delivery.abandoned or not delivery.reached:
                break
            now = self._clock()
            if delivery.is_empty:
                if delivery.is_drained or delivery.holding.is_away or now >= drain_until:
                    break
                continue
            wait_s = delivery.pause_s() or 0.1
            if now + wait_s >= self._deadline:
                break
            pause(wait_s)
        delivery.holding.close()

    def _reserve_s(self) -> float:
        """The part of the time at the end in which what is not delivered goes to the disk."""
        return min(_RESERVE_S, self._exit_s / 4)

    def _prepare(self, items: list[object]) -> "Prepared":
        logs = [type(item) for item in items].count(LogRecord)
        self._open[LOGS] += logs
        self._open[SPANS] += len(items) - logs
        parts = self._parts or self._make_parts()
        from traceo.pipeline.prepare import prepare  # noqa: PLC0415 - loaded by now

        with self._working:
            if self._of_parent:
                items = [item for item in items if not self._belongs_to_parent(item, parts)]
            prepared = prepare(
                items, parts, self._drop, shed=self._shed, dropped=self._dropped, halt=self._halt
            )
        for batch in prepared.batches:
            if batch.signal == KEYS:
                self.health.keys_made += batch.count
            else:
                if len(batch.payload) > batch.count * _LARGE_ITEM_BYTES:
                    self.queue.beware()
                self._open[batch.signal] -= batch.count
            self._delivery.add(batch)
        return prepared

    def _schedule_of_metrics(self) -> "Schedule":
        if self._schedule is None:
            with self._working:
                from traceo.pipeline.collection import Schedule  # noqa: PLC0415 - not in the application's thread

            self._schedule = Schedule(self._collect_every_s, self._clock)
        return self._schedule

    def _collect(self) -> bool:
        """Metrics into the backlog; whether there were any."""
        parts = self._parts or self._make_parts()
        schedule = self._schedule_of_metrics()
        if parts.metrics is None or schedule.is_in_vain(refused=self.health.refuses_metrics):
            schedule.skip()
            return False
        schedule.done()
        # Not under the lock: a fork must not wait for the application's code.
        patience_s = (self._deadline - self._clock()) / 4 if self._stopping else _PATIENCE_S
        records = parts.metrics.collect(max(0.01, min(patience_s, _PATIENCE_S)))
        if not records:
            return False
        from traceo.pipeline.collection import prepare_metrics  # noqa: PLC0415 - loaded by now

        with self._working:
            points, batches = prepare_metrics(
                records,
                parts.metrics,
                self.health.drop,
                dropped=self.health.dropped(METRICS, self.queue),
                left_out=parts.left_out,
                halt=self._halt,
            )
            self.health.points_made += points
            for batch in batches:
                self._delivery.add(batch)
        return True

    def _stand_still(self) -> None:
        """In the thread, with the lock that `park` waits for: hand it over and never come back."""
        if get_ident() == self._thread_id:
            self._working.release()
            taken_lock().acquire()

    def _belongs_to_parent(self, item: object, parts: "Parts") -> bool:
        """Whether it is a span that this process ends as well, because it was forked in the middle of it."""
        if type(item) is LogRecord:
            return False
        try:
            span = parts.snapshot(item)
        except Exception:  # `prepare` meets it again, and counts it
            return False
        if span.span_id not in self._of_parent:
            return False
        self._of_parent.discard(span.span_id)
        if span.parent_span_id:
            self._of_parent.add(span.parent_span_id)  # it may end here too
        self._drop(SPANS, "of_parent", 1)
        return True

    def _make_parts(self) -> "Parts":
        with self._working:
            self._parts = self._assemble()
            self._delivery.equip(self._route, self._parts.spool)
        return self._parts

    def _route(self) -> "Route":
        return (self._parts or self._make_parts()).route

    def _show(self, prepared: "Prepared") -> None:
        watch = self._parts.watch if self._parts is not None else None
        if watch is None:
            return
        try:
            watch(prepared.spans, prepared.logs, "" if self._delivery.reached else self.trouble.reason)
        except Exception:  # a console that cannot be written to is not worth a span
            return

    def _thin_out(self) -> None:
        """Follow the pressure: less of what waits when it rises, and let go of it when there is room."""
        used = self.queue.estimated_bytes + self._delivery.waiting_bytes
        self._shed.relax(is_calm=used < self._queue_bytes // 4)
        self._delivery.holding.thin()

    def _dropped(self, signal: str) -> dict[str, int]:
        return self.health.dropped(signal, self.queue)

    def _notice_overflow(self) -> None:
        for tally in (
            *self.queue.full_drops.values(),
            *self.queue.closed_drops.values(),
            self.health.limited,
            self.health.missed,
        ):
            tally.fold()
        overflow = sum(tally.count for tally in self.queue.full_drops.values())
        if overflow > self._overflow:
            self._overflow = overflow
            self.trouble.lost(self.trouble.reason or "more is recorded than can be delivered")

    def _drop(self, signal: str, reason: str, count: int) -> None:
        self._open[signal] -= count
        self.health.drop(signal, reason, count)

    def _write_off(self) -> None:
        for signal, count in self._open.items():
            if count:
                self._drop(signal, "pipeline_error", count)

    def _lost_at_exit(self) -> int:
        counted = (*self.balance(), self.health.point_counts())
        return sum(counts.dropped.get("exit", 0) for counts in counted)


def _since(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    """What was counted since."""
    counts = {name: count - before.get(name, 0) for name, count in now.items()}
    return {name: count for name, count in counts.items() if count}
