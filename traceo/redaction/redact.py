"""``traceo.redact``: one text, for trying a policy out and for redacting what is not telemetry."""

import msgspec

from .engine import DROPPED, Engine
from .policy import Policy

__all__ = ["Finding", "Redacted", "redact"]


class Finding(msgspec.Struct, frozen=True):
    """One redacted place: ``text[start:end]`` of the original was of type ``entity``, found by ``rule``."""

    entity: str
    start: int
    end: int
    rule: str


class Redacted(msgspec.Struct, frozen=True):
    """The redacted text and what was found in the original."""

    text: str
    findings: tuple[Finding, ...]


_engines: list[Engine] = []
_ENGINES_KEPT = 4


def redact(text: str, *, key: str | None = None, policy: Policy | None = None) -> Redacted:
    """Redact one text as the pipeline would redact it under the attribute ``key``.

    Never raises for a ``str``; a detector that fails turns the whole text into ``[DROPPED]``.

    >>> redact("mail ada@example.com")
    Redacted(text='mail [EMAIL]', findings=(Finding(entity='EMAIL', start=5, end=20, rule='EMAIL'),))
    """
    engine = _engine_for(policy or Policy.default())
    hits: list[str] = []
    clean = engine.text(text, key or "", hits)
    if not hits:
        return Redacted(clean, ())
    if clean == DROPPED:
        return Redacted(clean, (Finding("DROPPED", 0, len(text), hits[0]),))
    return Redacted(
        clean, tuple(Finding(s.entity, s.start, s.end, s.rule) for s in engine.spans(text, key or ""))
    )


def _engine_for(policy: Policy) -> Engine:
    for engine in _engines:
        if engine.policy == policy:
            return engine
    engine = Engine(policy)
    _engines.append(engine)
    del _engines[:-_ENGINES_KEPT]
    return engine
