"""The only way out: every text of a record goes through the redaction engine before the record is encoded.

The worker encodes what `Scrubber.span` and `Scrubber.log` return and nothing else. A record that cannot be
scrubbed raises here and is dropped there: when in doubt, nothing leaves.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from traceo.records import (
    AnyValue,
    Attributes,
    EventRecord,
    LinkRecord,
    LogRecord,
    ResourceRecord,
    ScopeRecord,
    SpanRecord,
)
from traceo.semconv import TRACEO_REDACTED

__all__ = ["Redactor", "Scrubber"]

_Shared = TypeVar("_Shared", ResourceRecord, ScopeRecord)

_KEPT = 256  # resources and scopes remembered; a process has a handful
_LISTED = 64  # entries of traceo.redacted; the counters have them all


class Redactor(Protocol):
    """What is used of `traceo.redaction.Engine`."""

    def attributes(self, attributes: Attributes | None, path: str, found: list[str]) -> Attributes | None:
        """A mapping, keys included."""
        ...

    def field(self, value: str, path: str, found: list[str]) -> str:
        """A text that has a place instead of a key."""
        ...


class Scrubber:
    """Replaces what must not leave, and lists it in the attribute ``traceo.redacted``. One thread only."""

    __slots__ = ("_engine", "_resources", "_scopes")

    def __init__(self, engine: Redactor) -> None:
        self._engine = engine
        # id → (original, clean). The original is held so that its id is not given to another object.
        self._resources: dict[int, tuple[ResourceRecord, ResourceRecord]] = {}
        self._scopes: dict[int, tuple[ScopeRecord, ScopeRecord]] = {}

    def span(self, span: SpanRecord) -> SpanRecord:
        """A span fit to leave. What it shares with the application is replaced, never changed."""
        engine = self._engine
        found: list[str] = []
        return SpanRecord(
            resource=self._resource(span.resource),
            scope=self._scope(span.scope),
            trace_id=span.trace_id,
            span_id=span.span_id,
            parent_span_id=span.parent_span_id,
            trace_state=span.trace_state and engine.field(span.trace_state, "trace_state", found),
            flags=span.flags,
            name=engine.field(span.name, "name", found),
            kind=span.kind,
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            events=self._events(span.events, found) if span.events else (),
            links=self._links(span.links, found) if span.links else (),
            status_code=span.status_code,
            status_message=span.status_message and engine.field(span.status_message, "status.message", found),
            dropped_attributes=span.dropped_attributes,
            dropped_events=span.dropped_events,
            dropped_links=span.dropped_links,
            attributes=_listed(engine.attributes(span.attributes, "attributes.", found), found),
        )

    def log(self, log: LogRecord) -> LogRecord:
        """A log line fit to leave."""
        engine = self._engine
        found: list[str] = []
        return LogRecord(
            resource=self._resource(log.resource),
            scope=self._scope(log.scope),
            time_ns=log.time_ns,
            observed_ns=log.observed_ns,
            severity=log.severity,
            severity_text=log.severity_text and engine.field(log.severity_text, "severity_text", found),
            body=self._body(log.body, found),
            dropped_attributes=log.dropped_attributes,
            trace_id=log.trace_id,
            span_id=log.span_id,
            flags=log.flags,
            event_name=log.event_name and engine.field(log.event_name, "event_name", found),
            attributes=_listed(engine.attributes(log.attributes, "attributes.", found), found),
        )

    def _body(self, body: AnyValue, found: list[str]) -> AnyValue:
        if body is None or body.__class__ is str:
            return body and self._engine.field(str(body), "body", found)
        # A structured body is a map's value like any other; its own key says nothing.
        clean = self._engine.attributes({"body": body}, "", found)
        return next(iter(clean.values())) if clean else None

    def _events(self, events: Sequence[EventRecord], found: list[str]) -> Sequence[EventRecord]:
        engine = self._engine
        return [
            EventRecord(
                engine.field(event.name, f"events.{index}.name", found),
                event.time_ns,
                engine.attributes(event.attributes, f"events.{index}.attributes.", found),
                event.dropped_attributes,
            )
            for index, event in enumerate(events)
        ]

    def _links(self, links: Sequence[LinkRecord], found: list[str]) -> Sequence[LinkRecord]:
        engine = self._engine
        return [
            LinkRecord(
                link.trace_id,
                link.span_id,
                link.trace_state and engine.field(link.trace_state, f"links.{index}.trace_state", found),
                link.flags,
                engine.attributes(link.attributes, f"links.{index}.attributes.", found),
                link.dropped_attributes,
            )
            for index, link in enumerate(links)
        ]

    def _resource(self, resource: ResourceRecord) -> ResourceRecord:
        known = self._resources.get(id(resource))
        if known is not None:
            return known[1]
        found: list[str] = []
        attributes = self._engine.attributes(resource.attributes, "resource.", found)
        clean = ResourceRecord(
            _listed(attributes, found) or {},
            resource.schema_url and self._engine.field(resource.schema_url, "resource.schema_url", found),
        )
        return _remember(self._resources, resource, clean)

    def _scope(self, scope: ScopeRecord) -> ScopeRecord:
        known = self._scopes.get(id(scope))
        if known is not None:
            return known[1]
        engine = self._engine
        found: list[str] = []
        clean = ScopeRecord(
            engine.field(scope.name, "scope.name", found),
            scope.version and engine.field(scope.version, "scope.version", found),
            scope.schema_url and engine.field(scope.schema_url, "scope.schema_url", found),
            _listed(engine.attributes(scope.attributes, "scope.attributes.", found), found),
        )
        return _remember(self._scopes, scope, clean)


def _remember(known: dict[int, tuple[_Shared, _Shared]], original: _Shared, clean: _Shared) -> _Shared:
    if len(known) >= _KEPT:
        known.clear()
    known[id(original)] = (original, clean)
    return clean


def _listed(attributes: Attributes | None, found: list[str]) -> Attributes | None:
    """The attributes with the list of what was found in the record."""
    if not found:
        return attributes
    return {**(attributes or {}), TRACEO_REDACTED: tuple(found[:_LISTED])}
