"""Services and operations, from counts kept when segments are written: no scan."""

import msgspec

from traceo.collector.query.trace import Kind, kind_name
from traceo.collector.store.store import Store

__all__ = ["OperationCount", "OperationList", "ServiceCount", "ServiceList", "operations", "services"]


class ServiceCount(msgspec.Struct, frozen=True):
    """A service. Spans are counted as they came; one that was sent twice in plain OTLP counts twice."""

    name: str
    spans: int
    errors: int
    last_seen_unix_nano: str


class ServiceList(msgspec.Struct, frozen=True):
    """By name."""

    services: list[ServiceCount]


class OperationCount(msgspec.Struct, frozen=True):
    """A span name and kind of a service."""

    name: str
    kind: Kind
    spans: int


class OperationList(msgspec.Struct, frozen=True):
    """By name, then kind."""

    operations: list[OperationCount]


def services(store: Store) -> ServiceList:
    """All services that have spans."""
    spans: dict[str, int] = {}
    errors: dict[str, int] = {}
    last: dict[str, int] = {}
    for found in store.operations():
        spans[found.service] = spans.get(found.service, 0) + found.spans
        errors[found.service] = errors.get(found.service, 0) + found.errors
        last[found.service] = max(last.get(found.service, 0), found.last_ns)
    return ServiceList(
        [ServiceCount(name, spans[name], errors[name], str(last[name])) for name in sorted(spans)]
    )


def operations(store: Store, service: str) -> OperationList:
    """The operations of one service; none when it is not known."""
    counts: dict[tuple[str, int], int] = {}
    for found in store.operations(service):
        key = (found.name, found.kind)
        counts[key] = counts.get(key, 0) + found.spans
    return OperationList(
        [OperationCount(name, kind_name(kind), counts[name, kind]) for name, kind in sorted(counts)]
    )
