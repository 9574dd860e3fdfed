"""The instrumentation scope: which library recorded a span."""

from collections.abc import Mapping
from types import MappingProxyType

from traceo.records import AnyValue, Attributes, ScopeRecord
from traceo.tracing.attributes import clean_into
from traceo.tracing.kinship import kin

__all__ = ["InstrumentationInfo", "InstrumentationScope"]


class InstrumentationScope:
    """Name, version, schema URL and attributes; equal to the SDK's scope of the same content."""

    __slots__ = ("_attributes", "_name", "_schema_url", "_version", "record")  # names that the SDK's == reads

    def __init__(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        self._name = name
        self._version = version
        self._schema_url = schema_url or ""
        self._attributes: dict[str, AnyValue] = {}
        if attributes:
            clean_into(self._attributes, attributes, None, None)
        self.record = ScopeRecord(name, version or "", self._schema_url, self._attributes or None)

    @property
    def name(self) -> str:
        """The library's name."""
        return self._name

    @property
    def version(self) -> str | None:
        """The library's version."""
        return self._version

    @property
    def schema_url(self) -> str:
        """The schema URL, or an empty string."""
        return self._schema_url

    @property
    def attributes(self) -> Mapping[str, AnyValue]:
        """The attributes, read-only."""
        return MappingProxyType(self._attributes)

    def _key(self) -> tuple[str, str | None, str, dict[str, AnyValue]]:
        return (self.name, self.version, self.schema_url, self._attributes)

    def __hash__(self) -> int:
        return hash((self.name, self.version, self.schema_url))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, InstrumentationScope):
            return self._key() == other._key()
        key = _foreign_key(other)
        return NotImplemented if key is None else self._key() == key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}, {self.version}, {self.schema_url}, {self._attributes})"

    @property
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]  see traceo.tracing.kinship
        return kin(self, "opentelemetry.sdk.util.instrumentation", "InstrumentationScope")

    def to_json(self, indent: int | None = 4) -> str:
        """The scope as a JSON object."""
        import json  # noqa: PLC0415  2 ms at start-up, for debugging exporters

        return json.dumps(
            {
                "name": self.name,
                "version": self.version,
                "schema_url": self.schema_url,
                "attributes": self._attributes or None,
            },
            indent=indent,
            default=str,
        )


class InstrumentationInfo:
    """The scope's older name in OpenTelemetry; some exporters still ask for it."""

    __slots__ = ("_name", "_schema_url", "_version")

    def __init__(self, name: str, version: str | None = None, schema_url: str | None = None) -> None:
        self._name = name
        self._version = version
        self._schema_url = schema_url or ""

    @property
    def name(self) -> str:
        """The library's name."""
        return self._name

    @property
    def version(self) -> str | None:
        """The library's version."""
        return self._version

    @property
    def schema_url(self) -> str:
        """The schema URL, or an empty string."""
        return self._schema_url

    def __hash__(self) -> int:
        return hash((self.name, self.version, self.schema_url))

    def __eq__(self, other: object) -> bool:
        try:
            name, version, url = other.name, other.version, other.schema_url  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]  the SDK's class, not imported
        except AttributeError:
            return NotImplemented
        return (self.name, self.version, self.schema_url) == (name, version, url)

    def __lt__(self, other: object) -> bool:
        try:
            name, version, url = other.name, other.version, other.schema_url  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]  as above
        except AttributeError:
            return NotImplemented
        return (self.name, self.version or "", self.schema_url) < (name, version or "", url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}, {self.version}, {self.schema_url})"

    @property
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]  see traceo.tracing.kinship
        return kin(self, "opentelemetry.sdk.util.instrumentation", "InstrumentationInfo")


def _foreign_key(other: object) -> tuple[object, object, object, object] | None:
    """The comparison key of a scope made by another implementation; None when it is not a scope."""
    name = getattr(other, "name", None)
    attributes = getattr(other, "attributes", None)
    if name is None or not isinstance(attributes, Mapping):
        return None
    return (name, getattr(other, "version", None), getattr(other, "schema_url", ""), dict(attributes))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  compared as plain values
