"""Celery 5: a producer span for each message sent, and a consumer span for each run of a task.

What is said to the broker is the message's way, not spans of its own: sending is silent beneath its span, and
so is a worker's loop outside of tasks, which asks the broker all the time.

``Celery.send_task`` is where ``delay``, ``apply_async``, retries, chains, groups, chords and beat all end;
the context travels in the message's headers. A run lies between the signals ``task_prerun`` and
``task_postrun``, which every pool sends in the process or thread that runs the task; result and follow-up
messages are inside. A retry, ``Ignore`` and ``Reject`` are no errors. What is run eagerly was not a message:
its span is an internal one. Arguments and results are never read. Follows the messaging conventions.
"""

import sys
import weakref
from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any, Final, cast

from celery import signals
from celery.app.base import Celery
from celery.app.routes import Router
from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, set_span_in_context
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.outcome import fail
from traceo.instrumentation.propagation import extract, inject
from traceo.instrumentation.suppression import is_suppressed, silenced

__all__ = ["install"]

_Brokers = weakref.WeakKeyDictionary[Any, dict[str, AttributeValue]]

_SENDING: Final = otel.create_key("traceo-celery-sending")
_RUNNING: Final = otel.create_key("traceo-celery-running")
_LOOP: Final = otel.create_key("traceo-celery-loop")
_EMPTY: Final = Context()


class _Run:
    """A task between its two signals."""

    __slots__ = ("span", "task_id", "token")

    def __init__(self, task_id: object, span: Span) -> None:
        self.task_id = task_id
        self.span = span
        self.token: Token[Context] | None = None


def install(site: Site) -> None:
    """Wrap the sending of messages, and listen to the two signals around a task."""
    brokers: _Brokers = weakref.WeakKeyDictionary()

    def prerun(*, task_id: object = None, task: Any = None, **_: Any) -> None:
        try:
            _begin_run(site, task_id, task)
        except Exception as error:
            failed("celery.prerun", error)

    def postrun(*, task_id: object = None, state: object = None, retval: object = None, **_: Any) -> None:
        try:
            _end_run(task_id, state, retval)
        except Exception as error:
            failed("celery.postrun", error)

    site.replace(Celery, "send_task", lambda original: _sender(site, brokers, original))
    site.replace(Router, "route", _router)
    # Only a worker loads it.
    site.later(
        "celery.worker.worker",
        lambda worker: site.replace(worker.WorkController, "start", lambda original: _quiet(site, original)),
    )
    for green in ("celery.concurrency.gevent", "celery.concurrency.eventlet"):
        site.later(
            green,
            lambda found: site.replace(found.TaskPool, "on_start", lambda start: _quiet_pool(site, start)),
        )
    site.later(
        "kombu.asynchronous.timer",
        lambda timer: site.replace(timer.Entry, "__call__", lambda original: _quiet(site, original)),
    )
    for name, receiver in (("task_prerun", prerun), ("task_postrun", postrun)):
        signal: Any = getattr(signals, name)
        signal.connect(receiver, weak=False)  # nobody but the signal holds it
        site.on_restore(lambda signal=signal, receiver=receiver: signal.disconnect(receiver))


# Sending.


def _sender(
    site: Site,
    brokers: _Brokers,
    original: Callable[..., Any],
) -> Callable[..., Any]:
    def send_task(self: Any, *args: Any, **options: Any) -> Any:
        span = token = None
        try:
            name = args[0] if args else options.get("name")
            started = _begin_send(site, brokers, self, str(name), options)
            if started is not None:
                span, context, options = started
                token = otel.attach(context)
        except Exception as error:
            failed("celery.send_task", error)
        if span is None or token is None:
            return original(self, *args, **options)
        try:
            result = original(self, *args, **options)
        except BaseException as app_error:
            _end_send(span, token, None, app_error)
            raise
        _end_send(span, token, result, None)
        return result

    return send_task


def _begin_send(
    site: Site,
    brokers: _Brokers,
    app: Any,
    name: str,
    options: dict[str, Any],
) -> tuple[Span, Context, dict[str, Any]] | None:
    context = otel.get_current()
    if not site.active or is_suppressed(context):
        return None
    broker = brokers.get(app)
    if broker is None:
        broker = brokers[app] = _broker(app)
    attributes = {
        semconv.MESSAGING_SYSTEM: "celery",
        semconv.MESSAGING_OPERATION_NAME: "send",
        semconv.MESSAGING_OPERATION_TYPE: "send",
        **broker,
    }
    span = site.tracer.start_span(f"send {name}", context, SpanKind.PRODUCER, attributes)
    # A copy: the application may use its headers for the next message, and a retry brings its task's along.
    headers = dict(options.get("headers") or {})
    inject(span, context, headers.__setitem__)
    context = otel.set_value(_SENDING, span, set_span_in_context(span, context))
    return span, silenced(context), {**options, "headers": headers}


def _end_send(span: Span, token: Token[Context], result: Any, error: BaseException | None) -> None:
    try:
        otel.detach(token)
        task_id = getattr(result, "id", None)
        if isinstance(task_id, str):
            span.set_attribute(semconv.MESSAGING_MESSAGE_ID, task_id)
        if error is not None and span.is_recording():
            fail(span, error)
    except Exception as ours:
        failed("celery.send_task", ours)
    finally:
        span.end()


def _router(original: Callable[..., Any]) -> Callable[..., Any]:
    """Only the router knows the queue, and it is not to be asked twice: routes are the application's code."""

    def route(self: Any, *args: Any, **kwargs: Any) -> Any:
        options = original(self, *args, **kwargs)
        try:
            span = otel.get_value(_SENDING)
            if isinstance(span, Span):
                destination = _destination(options)
                if destination:
                    span.set_attribute(semconv.MESSAGING_DESTINATION_NAME, destination)
        except Exception as error:
            failed("celery.route", error)
        return options

    return route


def _destination(options: Mapping[str, Any]) -> str:
    """The exchange if the message names one and a key, else the queue, each an object or its name."""
    exchange, key, queue = options.get("exchange"), options.get("routing_key"), options.get("queue")
    found = exchange if exchange and (key or not queue) else queue
    return str(getattr(found, "name", found) or key or "")


def _broker(app: Any) -> dict[str, AttributeValue]:
    """Where messages of this app go; nothing is connected by asking."""
    broker: dict[str, AttributeValue] = {}
    try:
        connection = app.connection_for_write()
        if connection.transport_cls in {"memory", "filesystem"} or not connection.hostname:
            return broker
        broker[semconv.SERVER_ADDRESS] = str(connection.hostname)
        port = connection.port or getattr(connection.get_transport_cls(), "default_port", None)
    except Exception:  # the application's own mistake, such as a missing transport: sending tells it
        return broker
    if isinstance(port, int):
        broker[semconv.SERVER_PORT] = port
    return broker


# Running.


def _quiet(site: Site, original: Callable[..., Any]) -> Callable[..., Any]:
    """A worker's life in a context that asks for silence; each task has a context of its own."""

    def quiet(*args: Any, **kwargs: Any) -> Any:
        context = otel.get_current()
        if not site.active or is_suppressed(context):
            return original(*args, **kwargs)
        token = otel.attach(otel.set_value(_LOOP, value=True, context=silenced(context)))
        try:
            return original(*args, **kwargs)
        finally:
            otel.detach(token)

    return quiet


def _quiet_pool(site: Site, original: Callable[..., Any]) -> Callable[..., Any]:
    """A pool of green threads, which do not inherit the silence of who starts them."""

    def on_start(self: Any) -> Any:
        result = original(self)
        for name in ("_quick_put", "spawn_n"):
            put = getattr(self, name, None)
            if put is not None:
                setattr(self, name, _putting_quiet(site, put))
        return result

    return on_start


def _putting_quiet(site: Site, put: Callable[..., Any]) -> Callable[..., Any]:
    def quiet_put(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return put(_quiet(site, work), *args, **kwargs)

    return quiet_put


def _begin_run(site: Site, task_id: object, task: Any) -> None:
    current = otel.get_current()
    if not site.active or (is_suppressed(current) and not current.get(_LOOP)):
        return
    request = task.request
    attributes: dict[str, AttributeValue] = {
        semconv.MESSAGING_SYSTEM: "celery",
        semconv.MESSAGING_OPERATION_NAME: "process",
        semconv.MESSAGING_OPERATION_TYPE: "process",
    }
    if isinstance(task_id, str):
        attributes[semconv.MESSAGING_MESSAGE_ID] = task_id
    kind, context = SpanKind.INTERNAL, current
    if not request.is_eager:
        kind, context = SpanKind.CONSUMER, _caller(request.headers)
        about: Any = request.delivery_info or {}
        destination = str(about.get("exchange") or about.get("routing_key") or "")
        if destination:
            attributes[semconv.MESSAGING_DESTINATION_NAME] = destination
    span = site.tracer.start_span(f"process {task.name}", context, kind, attributes)
    run = _Run(task_id, span)
    run.token = otel.attach(otel.set_value(_RUNNING, run, set_span_in_context(span, context)))


def _caller(headers: object) -> Context:
    """The context of whoever sent the message. Nothing of the worker's own: its loop belongs to no trace."""
    if not isinstance(headers, Mapping):
        return _EMPTY
    pairs = [
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in cast("Mapping[object, object]", headers).items()
        if isinstance(name, str) and isinstance(value, str)
    ]
    return extract(_EMPTY, pairs, dict(pairs))[0]


def _end_run(task_id: object, state: object, outcome: object) -> None:
    run = otel.get_value(_RUNNING)
    if not isinstance(run, _Run) or run.task_id != task_id or run.token is None:
        return
    try:
        otel.detach(run.token)
        run.token = None
        # Without a state an error is on its way through: of an eager run that propagates, or an exit.
        error = outcome if state == "FAILURE" else sys.exception() if state is None else None
        if isinstance(error, BaseException) and run.span.is_recording():
            fail(run.span, error)
    finally:
        run.span.end()
