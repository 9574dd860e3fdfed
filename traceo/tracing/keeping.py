"""Keeping what turned out to matter: spans that the sampler left out, held until their local root ends.

A trace that the sampler drops is recorded all the same, without the sampled flag. Its ended spans wait in a
buffer of their local root (the span without a parent in this process). If that root, or any span below it,
failed or took too long, all of them go to the sink; otherwise they are forgotten. A span that ends after its
local root follows that decision, and makes it anew if it failed itself.

What other services see is the unsampled flag: the decision comes after they were called. A service that saw
the failure too keeps its own part if it keeps errors; one that saw none has nothing to add.

Kept spans carry ``traceo.sampling.kept``, ``error`` or ``slow``. They were not chosen at random: whoever
scales counts up by the sampling probability (``ot=th:`` in the trace state) must leave them out.

The buffers are bounded, for each root and together; what a kept trace lost to that is counted. The counts
take no lock: a plain ``+=`` on a slot is not interrupted under CPython's GIL.

Compiled by Cython with the types in ``keeping.pxd``, see ``traceo._compiled``.
"""

# ruff: noqa: SLF001  spans, their buffer and what bounds it are one machine
# pyright: reportPrivateUsage=false

from typing import Any

from opentelemetry.trace import StatusCode

from traceo.semconv import TRACEO_SAMPLING_KEPT
from traceo.tracing.site import Outlets

__all__ = ["Held", "Keeping"]

_ERROR = StatusCode.ERROR
_KEPT = TRACEO_SAMPLING_KEPT


class Keeping:
    """What a provider keeps beyond its sampler's choice, and how much it holds for that.

    Args:
        outlets: where kept spans go.
        errors: keep a trace with a span whose status is ERROR.
        slower_than_s: keep a trace with a span that took longer; 0 for no threshold.
        spans_a_root: the most spans held for one local root, itself not counted.
        spans_in_all: the most spans held together.
    """

    __slots__ = (
        "errors",
        "held",
        "kept_failed",
        "kept_slow",
        "kept_spans",
        "lost",
        "outlets",
        "slower_than_ns",
        "spans_a_root",
        "spans_in_all",
    )

    def __init__(
        self,
        outlets: Outlets,
        *,
        errors: bool = True,
        slower_than_s: float = 0.0,
        spans_a_root: int = 1000,
        spans_in_all: int = 20_000,
    ) -> None:
        self.outlets = outlets
        self.errors = errors
        self.slower_than_ns = int(slower_than_s * 1e9)
        self.spans_a_root = spans_a_root
        self.spans_in_all = spans_in_all
        self.held = 0
        """Ended spans that wait for their local root."""
        self.kept_failed = 0
        """Local parts of traces kept because a span failed."""
        self.kept_slow = 0
        """Local parts of traces kept because a span took too long."""
        self.kept_spans = 0
        self.lost = 0
        """Spans of kept traces that a full buffer had no room for."""

    def open(self) -> "Held":
        """A buffer for a new local root."""
        held = Held.__new__(Held)
        held._keeping = self
        held._spans = None
        held._lost = 0
        held._reason = None
        held._decided = 0
        return held

    def counts(self) -> dict[str, int]:
        """What is held, was kept and was lost, for ``traceo.status()``."""
        return {
            "held_spans": self.held,
            "kept_failed": self.kept_failed,
            "kept_slow": self.kept_slow,
            "kept_spans": self.kept_spans,
            "lost_spans": self.lost,
        }


class Held:
    """The ended spans below one local root; made by ``Keeping.open``."""

    __slots__ = ("_decided", "_keeping", "_lost", "_reason", "_spans")

    _decided: int  # 0: the root is open, 1: it has ended
    _keeping: Keeping
    _lost: int
    _reason: str | None
    _spans: list[Any] | None

    def ended(self, span: Any, status: Any, start: Any, end: Any, is_root: int) -> None:
        """Take an ended span; never raises."""
        keeping = self._keeping
        if self._reason is None:
            if keeping.errors and status is not None and status.status_code is _ERROR:
                self._reason = "error"
            elif keeping.slower_than_ns and _took_longer(start, end, keeping.slower_than_ns):
                self._reason = "slow"
            if self._reason is not None and self._decided:
                self._count()
        if not is_root:
            self._hold(span)
        elif not self._decided:
            self._decided = 1
            if self._reason is not None:
                self._count()
                self._keep(span)
        if self._decided:
            self._settle()

    def _hold(self, span: Any) -> None:
        keeping = self._keeping
        if self._spans is None:
            self._spans = []
        spans = self._spans
        if len(spans) < keeping.spans_a_root and keeping.held < keeping.spans_in_all:
            spans.append(span)
            keeping.held += 1
            return
        self._lost += 1
        if self._reason is not None and spans:  # the newest stand nearest to what went wrong
            spans.pop(0)
            spans.append(span)

    def _settle(self) -> None:
        """Pass on what is held, or forget it; one by one, as another thread's span may come meanwhile."""
        keeping = self._keeping
        spans = self._spans
        if self._reason is None:
            self._lost = 0
            while spans:
                spans.pop()
                keeping.held -= 1
            return
        keeping.lost += self._lost
        self._lost = 0
        while spans:
            keeping.held -= 1
            self._keep(spans.pop(0))

    def _count(self) -> None:
        if self._reason == "error":
            self._keeping.kept_failed += 1
        else:
            self._keeping.kept_slow += 1

    def _keep(self, span: Any) -> None:
        keeping = self._keeping
        attributes = span._attributes
        if attributes is None:
            span._attributes = {_KEPT: self._reason}
        else:
            attributes[_KEPT] = self._reason
        keeping.kept_spans += 1
        if keeping.outlets.durations is not None:
            keeping.outlets.durations.keep(span)
        if keeping.outlets.sink is not None:
            keeping.outlets.hand_over(span)

    def __del__(self) -> None:
        if self._spans is not None:  # the root never ended, and nobody can end it any more
            self._keeping.held -= len(self._spans)


def _took_longer(start: Any, end: Any, than_ns: int) -> bool:
    try:
        return end - start > than_ns
    except Exception:  # times that an application gave, and that are no numbers
        return False


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
