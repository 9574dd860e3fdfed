"""One process's Traceo: what `traceo.init` returns, and what ends with the process."""

import contextlib
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Protocol

from traceo.config import Config
from traceo.endings import Endings, keep_interrupted
from traceo.metering import Metering
from traceo.pipeline.health import Counts, Status
from traceo.pipeline.worker import Pipeline

__all__ = ["Client", "Hooks"]

_SWITCH_S = 0.00002
"""How often threads take turns while the process ends: a busy one must not keep the pipeline from work."""


@contextlib.contextmanager
def _quick_turns() -> Generator[None]:
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(min(before_s, _SWITCH_S))
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


class Hooks(Protocol):
    """What is used of `traceo.instrumentation.Installed`."""

    @property
    def names(self) -> Sequence[str]:
        """The libraries hooked so far."""
        ...

    def uninstall(self, *names: str) -> None:
        """Restore the original objects of these libraries, of all without names."""
        ...


class Client:
    """The handle of a running Traceo; without a pipeline it is inert and every method does nothing.

    Made by `traceo.init`; a test may make its own.

    Args:
        config: what it runs with.
        pipeline: takes spans and logs; ``None`` when Traceo is switched off.
        provider: the tracer provider whose spans go to the pipeline.
        metering: what is measured.
        hooks: the libraries that were hooked.
        detach: called at shutdown, to take log and other hooks off again.
        notes: what could not be done at the start, for `status`.
    """

    __slots__ = (
        "_detach",
        "_endings",
        "_is_shut",
        "_notes",
        "_pipeline",
        "config",
        "hooks",
        "metering",
        "provider",
    )

    def __init__(
        self,
        config: Config,
        pipeline: Pipeline | None = None,
        *,
        provider: Any = None,
        metering: Metering | None = None,
        hooks: Hooks | None = None,
        detach: Sequence[Callable[[], object]] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.config = config
        self.provider = provider
        self.metering = metering
        self.hooks = hooks
        self._pipeline = pipeline
        self._detach = tuple(detach)
        self._notes = notes
        self._endings: Endings | None = None
        self._is_shut = False

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything that ended before this call is delivered or refused; False if time ran out.

        Not a promise that the endpoint kept it: `status` tells delivered from dropped.
        """
        return self._pipeline is None or self._pipeline.flush(timeout_s)

    def shutdown(self, timeout_s: float | None = None) -> bool:
        """Deliver what is there and stop for good; True if nothing was lost. A second call does nothing.

        ``timeout_s`` is ``exit_timeout_s`` of the configuration when not given. Hooked libraries are
        restored.
        """
        if self._pipeline is None:
            return True
        if not self._is_shut:
            self._is_shut = True
            undoes = [*self._detach]
            if self.hooks is not None:
                undoes.append(self.hooks.uninstall)
            if self.metering is not None:
                undoes.append(self.metering.stop)
            for undo in undoes:
                with contextlib.suppress(Exception):  # the end of a process is no place to raise
                    undo()
        timeout_s = self.config.exit_timeout_s if timeout_s is None else timeout_s
        try:
            return self._pipeline.shutdown(timeout_s)
        finally:
            if self._endings is not None:  # last: a signal that comes while we wait must wait with us
                self._endings.uninstall()

    def uninstrument(self, *names: str) -> None:
        """Restore the original objects of these libraries, of all without names."""
        if self.hooks is not None:
            self.hooks.uninstall(*names)
        if not names or "logging" in names:
            for undo in self._detach:
                undo()

    def status(self) -> Status:
        """A snapshot of what happened so far."""
        config, pipeline = self.config, self._pipeline
        if pipeline is None:
            return Status(state="disabled", endpoint=config.public_endpoint, notes=tuple(self._notes))
        spans, logs = pipeline.balance()
        health = pipeline.health
        return Status(
            state="shut down" if self._is_shut else "running",
            service_name=self._service_name(),
            endpoint=config.public_endpoint,
            destination=_describe(pipeline.route),
            trouble=pipeline.trouble.reason,
            notes=(*self._notes, *pipeline.notes(), *(self.metering.notes() if self.metering else ())),
            instrumentation=tuple(self.hooks.names) if self.hooks is not None else (),
            spans=spans,
            logs=logs,
            metrics=health.point_counts(),
            overflows=self.metering.overflows() if self.metering is not None else {},
            recovered=health.recovered.counts(),
            spool=pipeline.spool,
            spool_bytes=pipeline.spool_bytes,
            keys=health.key_counts(),
            batches=health.batches,
            retries=health.retries,
            restarts=health.restarts,
            raw_bytes=health.raw_bytes,
            sent_bytes=health.sent_bytes,
            queue_bytes=pipeline.waiting_bytes,
            redactions=pipeline.redactions(),
            redactions_by_key=pipeline.redactions_by_key(),
            sampling=self._sampling(),
        )

    def hold_endings(self) -> None:
        """Let every end of this process wait for delivery, up to ``exit_timeout_s``. See `Endings`."""
        pipeline = self._pipeline
        if pipeline is None or not self.config.exit_timeout_s:
            return
        self._endings = Endings(self.end_now, self.flush_now, lambda: pipeline.route is not None)
        self._notes = [*self._notes, *self._endings.install()]

    def end(self) -> None:
        """The process ends: give delivery its ``exit_timeout_s``, raise nothing."""
        with _quick_turns():
            try:
                self.shutdown()
            except Exception:
                return
            except BaseException:  # Ctrl-C, or a handler that calls sys.exit(): somebody is in a hurry
                self.shutdown(0)
            finally:
                if self._pipeline is not None:
                    self._pipeline.park()
                keep_interrupted()

    def end_now(self) -> None:
        """The same from a signal handler or `os._exit`: what it interrupts may hold any lock of ours."""
        if self._pipeline is not None:
            with contextlib.suppress(Exception), _quick_turns():
                self._pipeline.shutdown(self.config.exit_timeout_s)

    def flush_now(self) -> None:
        """`flush` for as long as an end may take, raising nothing."""
        with contextlib.suppress(Exception):
            self.flush(self.config.exit_timeout_s)

    def before_fork(self) -> None:
        """See `Pipeline.before_fork`."""
        if self._endings is not None:
            self._endings.signals.before_fork()
        if self._pipeline is not None:
            self._pipeline.before_fork()

    def after_fork_in_parent(self) -> None:
        """See `Pipeline.after_fork_in_parent`."""
        if self._pipeline is not None:
            self._pipeline.after_fork_in_parent()
        if self._endings is not None:
            self._endings.signals.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """See `Pipeline.after_fork_in_child`."""
        if self._pipeline is not None:
            self._pipeline.after_fork_in_child()
        if self.metering is not None:
            self.metering.after_fork_in_child()
        if self._endings is not None:
            self._endings.signals.after_fork_in_child()

    def _sampling(self) -> Mapping[str, int]:
        keeping = getattr(self.provider, "keeping", None)
        return {} if keeping is None else keeping.counts()

    def _service_name(self) -> str:
        if self.provider is None:
            return self.config.service_name
        return str(self.provider.resource.attributes.get("service.name", ""))

    def __repr__(self) -> str:
        """The state in one line."""
        state = self.status()
        counts: Counts = state.spans
        return f"<traceo.Client {state.state}: {counts}>"


def _describe(route: object) -> str:
    """``sealed X_WING``, ``plain gzip``, or nothing while it is not known."""
    status: Any = getattr(route, "status", None)
    if status is None:
        return ""
    found = status()
    if found.mode == "unknown":
        return ""
    return " ".join(part for part in (found.mode, found.kem or found.encoding) if part)
