"""Which values the deep tier looks at: those under the keys that the user named, after the engine is done."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from traceo.pipeline.deep import MASKED, Deep, Finder
from traceo.pipeline.deep_settings import DeepSettings
from traceo.pipeline.scrub import Redactor
from traceo.records import AnyValue, Attributes
from traceo.redaction.keys import KeyTable
from traceo.redaction.policy import Action, KeyRule, Policy
from traceo.redaction.report import Report

__all__ = ["DeepRedactor", "Look", "Reporting", "deepen", "presidio_of"]

_KEYS_KEPT = 4096
_DEPTH = 8


class Reporting(Redactor, Protocol):
    """What is used of `traceo.redaction.Engine`."""

    def report(self) -> dict[str, int]:
        """Counts by rule."""
        ...

    def report_by_key(self) -> dict[str, int]:
        """Counts by key."""
        ...


class Look(Protocol):
    """What is used of `traceo.pipeline.deep.Deep`."""

    @property
    def note(self) -> str:
        """What a user should know; empty when all is well."""
        ...

    def begin(self) -> None:
        """A new batch."""
        ...

    def text(self, value: str, hits: list[str]) -> str:
        """The text without what was found; the same object when that is nothing."""
        ...


class DeepRedactor:
    """The engine's `Redactor`, and behind it the deep tier for some keys. Never raises."""

    def __init__(self, engine: Reporting, deep: Look, keys: Sequence[str]) -> None:
        self._engine = engine
        self._deep = deep
        self._keys = KeyTable(tuple(KeyRule(key, Action.SCAN) for key in keys))
        self._known: dict[str, bool] = {}
        self._report = Report()

    def attributes(self, attributes: Attributes | None, path: str, found: list[str]) -> Attributes | None:
        """A mapping, keys included."""
        clean = self._engine.attributes(attributes, path, found)
        if not clean:
            return clean
        changes: dict[str, AnyValue] = {}
        for key, value in clean.items():
            if (named := self._is_named(key)) or isinstance(value, (Mapping, list, tuple)):
                new = self._guarded(value, key, f"{path}{key}", found, named=named)
                if new is not value:
                    changes[key] = new
        return {**clean, **changes} if changes else clean

    def field(self, value: str, path: str, found: list[str]) -> str:
        """A text that has a place instead of a key."""
        clean = self._engine.field(value, path, found)
        return str(self._guarded(clean, path, path, found, named=True)) if self._is_named(path) else clean

    def report(self) -> dict[str, int]:
        """How often each rule hit, the engine's included."""
        return _sum(self._engine.report(), self._report.by_rule())

    def report_by_key(self) -> dict[str, int]:
        """How often something was redacted under each key, by the engine too."""
        return _sum(self._engine.report_by_key(), self._report.by_key())

    def begin(self) -> None:
        """Another batch begins, with its own budget."""
        self._deep.begin()

    def notes(self) -> list[str]:
        """What `traceo.status` should say."""
        return [self._deep.note] if self._deep.note else []

    def _is_named(self, key: str) -> bool:
        named = self._known.get(key)
        if named is None:
            if len(self._known) >= _KEYS_KEPT:
                self._known.clear()
            decision = self._keys.decide(key)
            # A rule of the user's, not one of the built-in policy: those mask.
            named = self._known[key] = decision.action is Action.SCAN and bool(decision.rule)
        return named

    def _guarded(self, value: AnyValue, key: str, where: str, found: list[str], *, named: bool) -> AnyValue:
        try:
            return self._visit(value, key, where, found, 0, named=named)
        except Exception:
            return self._replaced("deep:error", key, where, found)

    def _visit(
        self, value: AnyValue, key: str, where: str, found: list[str], depth: int, *, named: bool
    ) -> AnyValue:
        if isinstance(value, str):
            return self._text(value, key, where, found) if named else value
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._bytes(bytes(value), key, where, found) if named else value
        if isinstance(value, Mapping):
            if depth >= _DEPTH:
                return value  # the engine leaves nothing below that
            return _copied(
                value,
                {
                    name: self._visit(
                        item, (inner := f"{key}.{name}"), f"{where}.{name}", found, depth + 1,
                        named=named or self._is_named(inner),
                    )
                    for name, item in value.items()
                },
            )  # fmt: skip
        if isinstance(value, Sequence):
            items = [
                self._visit(item, key, f"{where}.{i}", found, depth + 1, named=named)
                for i, item in enumerate(value)
            ]
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
        return value

    def _text(self, value: str, key: str, where: str, found: list[str]) -> str:
        hits: list[str] = []
        new = self._deep.text(value, hits)
        for rule in hits:
            self._report.count(rule, key)
            found.append(f"{where}={rule}")
        return new

    def _bytes(self, value: bytes, key: str, where: str, found: list[str]) -> AnyValue:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return self._replaced("deep:not_text", key, where, found)
        new = self._text(text, key, where, found)
        return value if new is text else new.encode()

    def _replaced(self, rule: str, key: str, where: str, found: list[str]) -> str:
        self._report.count(rule, key)
        found.append(f"{where}={rule}")
        return MASKED


def deepen(
    engine: Reporting, policy: Policy, settings: DeepSettings, load: Callable[[], Finder]
) -> DeepRedactor:
    """The engine with the deep tier behind it; ``load`` begins in the tier's thread."""
    return DeepRedactor(engine, Deep(load, policy, budget_s=settings.budget_s), settings.keys)


def presidio_of(settings: DeepSettings) -> Finder:
    """What looks at texts, ready: seconds."""
    from traceo.redaction.presidio import Presidio, recognizers_from  # noqa: PLC0415 - in the helper thread

    return Presidio(
        model=settings.model,
        language=settings.language,
        recognizers=[one for place in settings.recognizers for one in recognizers_from(place)],
        threshold=settings.threshold,
    )


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _copied(value: Mapping[str, AnyValue], new: dict[str, AnyValue]) -> AnyValue:
    return value if all(new[name] is item for name, item in value.items()) else new
