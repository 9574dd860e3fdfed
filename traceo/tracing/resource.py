"""What emits the telemetry: the resource of this process.

``default_resource()`` reads ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` (W3C baggage form,
percent-decoded) and adds what the process knows about itself, named by OpenTelemetry's resource
conventions.
"""

import logging
import os
import sys
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol
from urllib.parse import unquote

from traceo._version import __version__
from traceo.records import AnyValue, Attributes, ResourceRecord
from traceo.tracing.attributes import clean_into
from traceo.tracing.kinship import kin

__all__ = ["Resource", "ResourceLike", "default_resource", "forked", "record_of"]

_logger = logging.getLogger("traceo.tracing")


class ResourceLike(Protocol):
    """What a provider needs of a resource; the OpenTelemetry SDK's has it too."""

    @property
    def attributes(self) -> Attributes:
        """The attributes."""
        ...

    @property
    def schema_url(self) -> str:
        """The schema URL, or an empty string."""
        ...


class Resource:
    """An immutable set of attributes and a schema URL.

    >>> Resource({"service.name": "shop"}).merge(Resource({"host.name": "a"})).attributes["service.name"]
    'shop'
    """

    __slots__ = ("_attributes", "_schema_url")

    def __init__(self, attributes: Attributes, schema_url: str | None = None) -> None:
        self._attributes: dict[str, AnyValue] = {}
        clean_into(self._attributes, attributes, None, None)
        self._schema_url = schema_url or ""

    @staticmethod
    def create(attributes: Attributes | None = None, schema_url: str | None = None) -> "Resource":
        """The default resource, with ``attributes`` on top."""
        return default_resource().merge(Resource(attributes or {}, schema_url))

    @property
    def attributes(self) -> Mapping[str, AnyValue]:
        """The attributes, read-only."""
        return MappingProxyType(self._attributes)

    @property
    def schema_url(self) -> str:
        """The schema URL, or an empty string."""
        return self._schema_url

    def merge(self, other: ResourceLike) -> "Resource":
        """Both resources' attributes; ``other`` wins. With two different schema URLs self is kept."""
        if self._schema_url and other.schema_url and self._schema_url != other.schema_url:
            _logger.error(
                "Failed to merge resources: schemas %s and %s differ.", self._schema_url, other.schema_url
            )
            return self
        return Resource({**self._attributes, **other.attributes}, self._schema_url or other.schema_url)

    def __eq__(self, other: object) -> bool:
        attributes = getattr(other, "attributes", None)
        if not isinstance(attributes, Mapping):
            return NotImplemented
        return self._attributes == dict(attributes) and self._schema_url == getattr(other, "schema_url", None)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  compared as plain values

    def __hash__(self) -> int:
        import json  # noqa: PLC0415  2 ms at start-up, for debugging exporters

        return hash((json.dumps(self._attributes, sort_keys=True, default=repr), self._schema_url))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._attributes}, {self._schema_url!r})"

    @property
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]  see traceo.tracing.kinship
        return kin(self, "opentelemetry.sdk.resources", "Resource")

    def to_json(self, indent: int | None = 4) -> str:
        """The resource as a JSON object."""
        import json  # noqa: PLC0415  as above

        return json.dumps(
            {"attributes": self._attributes, "schema_url": self._schema_url}, indent=indent, default=_as_text
        )


def _host_name() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket  # noqa: PLC0415  2 ms at start-up, for the systems without uname

    return socket.gethostname()


def default_resource(
    service_name: str | None = None, *, environ: Mapping[str, str] | None = None
) -> Resource:
    """This process's resource: ``service_name`` wins over ``OTEL_*``, that over what is detected."""
    environ = os.environ if environ is None else environ
    attributes: dict[str, AnyValue] = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "traceo",
        "telemetry.sdk.version": __version__,
        "host.name": _host_name(),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": ".".join(str(part) for part in sys.version_info[:3]),
        **_process(),
        **_from_variable(environ.get("OTEL_RESOURCE_ATTRIBUTES", "")),
    }
    name = service_name or environ.get("OTEL_SERVICE_NAME") or attributes.get("service.name")
    attributes["service.name"] = name or _unknown_service()
    return Resource(attributes)


def forked(resource: ResourceLike) -> ResourceLike:
    """The resource as a forked child gives it: with its own process and instance id, if it had any."""
    own = {key: value for key, value in _process().items() if key in resource.attributes}
    if not own:
        return resource
    return Resource({**resource.attributes, **own}, resource.schema_url)


def record_of(resource: ResourceLike) -> ResourceRecord:
    """The record that spans share; make it once per resource, the encoder groups by identity."""
    return ResourceRecord(dict(resource.attributes), resource.schema_url or "")


def _process() -> dict[str, AnyValue]:
    return {"process.pid": os.getpid(), "service.instance.id": str(uuid.uuid4())}


def _unknown_service() -> str:
    executable = os.path.basename(sys.executable or "")  # noqa: PTH119  pathlib is not needed for one name
    return f"unknown_service:{executable}" if executable else "unknown_service"


def _from_variable(text: str) -> dict[str, AnyValue]:
    attributes: dict[str, AnyValue] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            _logger.warning("OTEL_RESOURCE_ATTRIBUTES: an entry is not key=value; it is ignored.")
            continue
        attributes[key.strip()] = unquote(value.strip())
    return attributes


def _as_text(value: object) -> str:
    return value.hex() if isinstance(value, (bytes, bytearray)) else str(value)
