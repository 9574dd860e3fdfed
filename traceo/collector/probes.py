"""``/healthz``, ``/readyz`` and ``/metrics`` (Prometheus text format 0.0.4)."""

import asyncio

from traceo.collector.counters import Counters
from traceo.collector.http import Receive, Scope, Send, respond, respond_problem
from traceo.collector.problems import Problem
from traceo.collector.store.store import Store

__all__ = ["Probes"]

_GAUGES = {"spans", "logs", "metric_points", "pending_bytes", "wal_bytes", "segments", "segment_bytes"}


class Probes:
    """What orchestrators and Prometheus ask."""

    def __init__(self, *, store: Store, counters: Counters) -> None:
        self._store = store
        self._counters = counters

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] not in {"GET", "HEAD"}:
            await respond_problem(
                send,
                Problem(405, "method", "Method not allowed", "use GET", headers=((b"allow", b"GET, HEAD"),)),
            )
            return
        if scope["path"] == "/metrics":
            text = await asyncio.to_thread(self._metrics)  # it may wait for a segment to be switched in
            await respond(send, 200, b"text/plain; version=0.0.4; charset=utf-8", text.encode())
            return
        if scope["path"] == "/readyz" and self._store.ailing:
            await respond(send, 503, b"text/plain; charset=utf-8", f"{self._store.ailing}\n".encode())
            return
        await respond(send, 200, b"text/plain; charset=utf-8", b"ok\n")

    def _metrics(self) -> str:
        lines: list[str] = []
        for name, value in self._store.figures().items():
            kind = "gauge" if name in _GAUGES else "counter"
            full = f"traceo_collector_{name}" + ("" if kind == "gauge" else "_total")
            lines += [f"# TYPE {full} {kind}", f"{full} {value}"]
        counters = self._counters
        for label, name, values in (
            ("signal", "requests", counters.requests),
            ("reason", "rejected", counters.rejected),
            ("reason", "dropped_by_senders", counters.sender_drops.by_reason()),
        ):
            full = f"traceo_collector_{name}_total"
            lines.append(f"# TYPE {full} counter")
            lines += [f'{full}{{{label}="{key}"}} {value}' for key, value in sorted(values.items())]
        for name, value in (
            ("received_bytes", counters.received_bytes),
            ("rejected_spans", counters.rejected_spans),
            ("rejected_points", counters.rejected_points),
        ):
            full = f"traceo_collector_{name}_total"
            lines += [f"# TYPE {full} counter", f"{full} {value}"]
        return "\n".join(lines) + "\n"
