"""The only way out: every text of a record goes through the redaction engine before the record is encoded.

The worker encodes what `Scrubber.span` and `Scrubber.log` return and nothing else. A record that cannot be
scrubbed raises here and is dropped there: when in doubt, nothing leaves.

Compiled by Cython with the types in ``scrub.pxd``, see ``traceo._compiled``.
"""

import re
from collections.abc import Callable, Sequence
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
from traceo.redaction.keys import SAID, is_told
from traceo.semconv import (
    EXCEPTION_EVENT,
    EXCEPTION_MESSAGE,
    EXCEPTION_STACKTRACE,
    GEN_AI_OPERATION_NAME,
    TRACEO_REDACTED,
    TRACEO_SUBJECT,
)
from traceo.subjects import subject_of

__all__ = ["Redactor", "Scrubber", "Sealer"]

_Shared = TypeVar("_Shared", ResourceRecord, ScopeRecord)

_KEPT = 256  # resources and scopes remembered; a process has a handful
_LISTED = 64  # entries of traceo.redacted; the counters have them all
# What sampling writes into the trace state: numbers to count spans by, see `traceo.tracing.consistent`.
_SAMPLING = re.compile(r"ot=(?:th:[0-9a-f]{1,14}|rv:[0-9a-f]{14})(?:;(?:th:[0-9a-f]{1,14}|rv:[0-9a-f]{14}))?")
_SAMPLING_PART = re.compile(r"th:[0-9a-f]{1,14}|rv:[0-9a-f]{14}")
_EVENTS_OF_MODELS = "gen_ai."
_EVENT_NAME = "event.name"
_OUR_HOOKS = "traceo.instrumentation."  # they record the errors of language models without their text
_QUOTING = frozenset({EXCEPTION_MESSAGE, EXCEPTION_STACKTRACE})
_FRAMES = re.compile(
    r'^(?:Traceback \(most recent call last\):|  File "[^"\n]+", line \d+, in \S+)$', re.MULTILINE
)


class Redactor(Protocol):
    """What is used of `traceo.redaction.Engine`."""

    def attributes(self, attributes: Attributes | None, path: str, found: list[str]) -> Attributes | None:
        """A mapping, keys included."""
        ...

    def field(self, value: str, path: str, found: list[str]) -> str:
        """A text that has a place instead of a key."""
        ...


class Sealer(Protocol):
    """What is used of `traceo.pipeline.fields.FieldSealer`."""

    def subject(self, named: str, attributes: Attributes | None) -> str:
        """The pseudonym of whom a record is about."""
        ...

    def apply(
        self, original: Attributes | None, clean: Attributes | None, path: str, found: list[str], subject: str
    ) -> Attributes | None:
        """Tokens and sealed values, in what redaction has left."""
        ...


class Scrubber:
    """Replaces what must not leave, and lists it in the attribute ``traceo.redacted``. One thread only.

    `sealer` applies the rules that keep a value for those who may reveal it; `subject_of` knows whom a span
    is about. Without a sealer such values are redacted like others, and no subject leaves.
    """

    __slots__ = (
        "_clean_resource",
        "_clean_scope",
        "_engine",
        "_field",
        "_last_resource",
        "_last_scope",
        "_resources",
        "_scopes",
        "_sealer",
        "_subject_of",
    )

    def __init__(
        self,
        engine: Redactor,
        sealer: Sealer | None = None,
        subject_of: Callable[[int, int], str] = subject_of,
    ) -> None:
        self._engine = engine
        self._field = engine.field
        self._sealer = sealer
        self._subject_of = subject_of
        # id → (original, clean). The original is held so that its id is not given to another object.
        self._resources: dict[int, tuple[ResourceRecord, ResourceRecord]] = {}
        self._scopes: dict[int, tuple[ScopeRecord, ScopeRecord]] = {}
        # One after the other, most records have the same.
        self._last_resource: ResourceRecord | None = None
        self._clean_resource: ResourceRecord | None = None
        self._last_scope: ScopeRecord | None = None
        self._clean_scope: ScopeRecord | None = None

    def span(self, span: SpanRecord) -> SpanRecord:
        """The span, fit to leave: the same record, whose fields are replaced.

        What they share with the application is never changed.
        """
        found: list[str] = []
        # The usual case of each step is written out: in plain Python a call costs as much as the step.
        attributes = span.attributes
        named = subject = ""
        if attributes and TRACEO_SUBJECT in attributes:
            named, attributes = _without_subject(attributes)
        named = self._subject_of(span.trace_id, span.span_id) or named
        if self._sealer is not None:
            subject = self._sealer.subject(named, attributes)
        if span.resource is self._last_resource and self._clean_resource is not None:
            span.resource = self._clean_resource
        else:
            span.resource = self._resource(span.resource)
        if span.scope is self._last_scope and self._clean_scope is not None:
            span.scope = self._clean_scope
        else:
            span.scope = self._scope(span.scope)
        if span.trace_state and _SAMPLING.fullmatch(span.trace_state) is None:
            span.trace_state = self._state(span.trace_state, "trace_state", found)
        span.name = self._field(span.name, "name", found)
        if span.events:
            span.events = self._events(span.events, found, subject, _may_quote(span.scope, attributes))
        if span.links:
            span.links = self._links(span.links, found)
        if span.status_message:
            span.status_message = self._status(span.status_message, found, _may_quote(span.scope, attributes))
        if self._sealer is None:
            clean = self._engine.attributes(attributes, "attributes.", found)
        else:
            clean = self._attributes(attributes, found, subject, named)
        span.attributes = _listed(clean, found) if found else clean
        return span

    def log(self, log: LogRecord) -> LogRecord:
        """A log line fit to leave."""
        engine = self._engine
        found: list[str] = []
        named, attributes = _without_subject(log.attributes)
        subject = self._subject(named, attributes)
        event = log.event_name or str((attributes or {}).get(_EVENT_NAME, ""))
        return LogRecord(
            resource=self._known_resource(log.resource),
            scope=self._known_scope(log.scope),
            time_ns=log.time_ns,
            observed_ns=log.observed_ns,
            severity=log.severity,
            severity_text=log.severity_text and engine.field(log.severity_text, "severity_text", found),
            body=self._body(log.body, event, found, subject),
            dropped_attributes=log.dropped_attributes,
            trace_id=log.trace_id,
            span_id=log.span_id,
            flags=log.flags,
            event_name=log.event_name and engine.field(log.event_name, "event_name", found),
            attributes=_listed(self._attributes(attributes, found, subject, named, event), found),
        )

    def shared(self, resource: ResourceRecord, scope: ScopeRecord) -> tuple[ResourceRecord, ScopeRecord]:
        """What many records have in common, fit to leave; the same objects for the same ones."""
        return self._known_resource(resource), self._known_scope(scope)

    def _subject(self, named: str, attributes: Attributes | None) -> str:
        return self._sealer.subject(named, attributes) if self._sealer is not None else ""

    def _attributes(
        self, attributes: Attributes | None, found: list[str], subject: str, named: str, event: str = ""
    ) -> Attributes | None:
        if attributes and event.startswith(_EVENTS_OF_MODELS):
            said = [key for key in attributes if not is_told(key)]
            clean = self._without_content(attributes, frozenset(said), "attributes.", found)
        else:
            clean = self._engine.attributes(attributes, "attributes.", found)
        if self._sealer is None:
            return clean
        clean = self._sealer.apply(attributes, clean, "attributes.", found, subject)
        return {**(clean or {}), TRACEO_SUBJECT: subject} if named else clean

    def _body(self, body: AnyValue, event: str, found: list[str], subject: str) -> AnyValue:
        if event.startswith(_EVENTS_OF_MODELS):
            # The event's name says that its body is what was said to a language model.
            clean = self._without_content({event: body}, frozenset({event}), "body.", found)
            return next(iter(clean.values())) if clean else None
        if body is None or body.__class__ is str:
            return body and self._engine.field(str(body), "body", found)
        # A structured body is a map's value like any other; its own key says nothing.
        whole: Attributes = {"body": body}
        clean = self._engine.attributes(whole, "", found)
        if self._sealer is not None:
            clean = self._sealer.apply(whole, clean, "", found, subject)
        return next(iter(clean.values())) if clean else None

    def _without_content(
        self, attributes: Attributes, said: frozenset[str], path: str, found: list[str]
    ) -> Attributes | None:
        """The attributes, those in `said` as what was said to a language model."""
        hits: list[str] = []
        marked: Attributes = {SAID + key if key in said else key: value for key, value in attributes.items()}
        clean = self._engine.attributes(marked, path, hits)
        found.extend([hit.replace(SAID, "", 1) for hit in hits])
        return clean and {key.removeprefix(SAID): value for key, value in clean.items()}

    def _without_text(self, attributes: Attributes, path: str, found: list[str]) -> Attributes | None:
        """The attributes of an exception whose text may quote what was said: its type and its frames."""
        clean = self._without_content(attributes, _QUOTING, path, found)
        stack = attributes.get(EXCEPTION_STACKTRACE)
        if not clean or not isinstance(stack, str) or clean.get(EXCEPTION_STACKTRACE) != "":
            return clean
        frames = self._engine.attributes(
            {EXCEPTION_STACKTRACE: "\n".join(_FRAMES.findall(stack))}, path, found
        )
        return {**clean, **(frames or {})}

    def _status(self, text: str, found: list[str], may_quote: bool) -> str:  # noqa: FBT001  compiled by position
        if not may_quote:
            return self._field(text, "status.message", found)
        clean = self._without_content({"status.message": text}, frozenset({"status.message"}), "", found)
        return str(clean.get("status.message", "")) if clean else ""

    def _state(self, state: str, path: str, found: list[str]) -> str:
        """A trace state without what clients put into it; what sampling says stays."""
        return ",".join([self._member(member, path, found) for member in state.split(",")])

    def _member(self, member: str, path: str, found: list[str]) -> str:
        if not member.startswith("ot="):
            return self._field(member, path, found)
        parts = member[3:].split(";")
        return "ot=" + ";".join(
            [part if _SAMPLING_PART.fullmatch(part) else self._field(part, path, found) for part in parts]
        )

    def _events(
        self,
        events: Sequence[EventRecord],
        found: list[str],
        subject: str,
        may_quote: bool,  # noqa: FBT001  compiled by position
    ) -> Sequence[EventRecord]:
        return [
            self._event(event, f"events.{index}.", found, subject, may_quote)
            for index, event in enumerate(events)
        ]

    def _event(
        self,
        event: EventRecord,
        path: str,
        found: list[str],
        subject: str,
        may_quote: bool,  # noqa: FBT001  compiled by position
    ) -> EventRecord:
        engine = self._engine
        name = engine.field(event.name, f"{path}name", found)
        path = f"{path}attributes."
        if event.attributes and event.name.startswith(_EVENTS_OF_MODELS):
            said = [key for key in event.attributes if not is_told(key)]
            clean = self._without_content(event.attributes, frozenset(said), path, found)
        elif event.attributes and may_quote and event.name == EXCEPTION_EVENT:
            clean = self._without_text(event.attributes, path, found)
        else:
            clean = engine.attributes(event.attributes, path, found)
        if self._sealer is not None:
            clean = self._sealer.apply(event.attributes, clean, path, found, subject)
        return EventRecord(name, event.time_ns, clean, event.dropped_attributes)

    def _links(self, links: Sequence[LinkRecord], found: list[str]) -> Sequence[LinkRecord]:
        engine = self._engine
        return [
            LinkRecord(
                link.trace_id,
                link.span_id,
                link.trace_state and self._state(link.trace_state, f"links.{index}.trace_state", found),
                link.flags,
                engine.attributes(link.attributes, f"links.{index}.attributes.", found),
                link.dropped_attributes,
            )
            for index, link in enumerate(links)
        ]

    def _resource(self, resource: ResourceRecord) -> ResourceRecord:
        self._last_resource, self._clean_resource = resource, self._known_resource(resource)
        return self._clean_resource

    def _known_resource(self, resource: ResourceRecord) -> ResourceRecord:
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
        self._last_scope, self._clean_scope = scope, self._known_scope(scope)
        return self._clean_scope

    def _known_scope(self, scope: ScopeRecord) -> ScopeRecord:
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


def _may_quote(scope: ScopeRecord, attributes: Attributes | None) -> bool:
    """Whether the errors of a span may quote what was said to a language model."""
    if not attributes or GEN_AI_OPERATION_NAME not in attributes:
        return False
    return not scope.name.startswith(_OUR_HOOKS)


def _remember(known: dict[int, tuple[_Shared, _Shared]], original: _Shared, clean: _Shared) -> _Shared:
    if len(known) >= _KEPT:
        known.clear()
    known[id(original)] = (original, clean)
    return clean


def _without_subject(attributes: Attributes | None) -> tuple[str, Attributes | None]:
    """(the subject that stands among the attributes, the others)."""
    if not attributes or TRACEO_SUBJECT not in attributes:
        return "", attributes
    rest = {key: value for key, value in attributes.items() if key != TRACEO_SUBJECT}
    return str(attributes[TRACEO_SUBJECT]), rest


def _listed(attributes: Attributes | None, found: list[str]) -> Attributes | None:
    """The attributes with the list of what was found in the record."""
    if not found:
        return attributes
    return {**(attributes or {}), TRACEO_REDACTED: tuple(found[:_LISTED])}


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
