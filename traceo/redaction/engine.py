"""The one door through which every value passes before it leaves.

Speed comes from remembering: what a key means is decided once, and a text that was found clean is found
again in a bounded set. Only texts never seen before are scanned. What was found dirty is not remembered,
so that no secret stays in memory because of its redaction.
"""

from collections.abc import Mapping, Sequence

from traceo.records import AnyValue, Attributes

from .keyed import is_option
from .keys import KeyTable
from .marks import Marks
from .persons import listens
from .phrases import secrets_among
from .plan import Change, Plan, Plans, changed, cut
from .policy import Policy
from .report import Report
from .scan import DetectorError, Scanner
from .spans import MARKER, Span, join, render
from .sql import literals, normalise

__all__ = ["DROPPED", "Engine"]

DROPPED = "[DROPPED]"
_CUT = "[TRUNCATED]"
_DEPTH = 8
_CLEAN_KEPT = 8192
_CLEAN_CHARS = 512
# Below this a number is no card and no id that counts without its context.
_PLAIN_NUMBER = 10**11


class Engine:
    """Applies a ``Policy``. No method raises; what cannot be judged is replaced by ``[DROPPED]`` and counted.

    One writer (the pipeline thread) and any number of readers of the report. ``pure`` forces the path
    without RE2.

    >>> from traceo.redaction import Policy
    >>> hits = []
    >>> Engine(Policy.default()).text("mail ada@example.com", "message", hits), hits
    ('mail [EMAIL]', ['EMAIL'])
    """

    def __init__(self, policy: Policy, *, pure: bool = False) -> None:
        from .detectors.catalog import detectors_for  # noqa: PLC0415  patterns are compiled with the first engine

        self.policy = policy
        self._keys = KeyTable(policy.keys, gen_ai=policy.gen_ai)
        self._scanner = Scanner(detectors_for(policy), self._keys, pure=pure)
        self._marks = Marks(policy)
        self._report = Report()
        self._plans = Plans(self._keys, self._scanner)
        self._top = self._plans.top
        self._alone = self._plans.alone

    def text(self, value: str, key: str, hits: list[str]) -> str:
        """``value`` without what the policy forbids; the same object when it is clean.

        Rules go to ``hits``.
        """
        if not self.policy.enabled:
            return value
        try:
            return self._text(value, self._alone.get(key) or self._plans.of_one(key), hits)
        except Exception:
            return self._failed(key, hits)

    def value(self, key: str, value: AnyValue, hits: list[str]) -> AnyValue:
        """The same for any OTLP value: maps, sequences, bytes and numbers too."""
        if not self.policy.enabled:
            return value
        found: list[str] = []
        try:
            new = self._visit(value, self._alone.get(key) or self._plans.of_one(key), "", found, 0)
        except Exception:
            return self._failed(key, hits)
        hits.extend(entry.rpartition("=")[2] for entry in found)
        return new

    def attributes(self, attributes: Attributes | None, path: str, found: list[str]) -> Attributes | None:
        """A whole mapping, keys included; the same object when nothing had to change.

        ``found`` gets one ``"{path}{key}={RULE}"`` for each rule that hit.
        """
        if not attributes or not self.policy.enabled:
            return attributes
        plans = self._top
        changes: list[Change] | None = None
        try:
            for key, value in attributes.items():
                plan = plans.get(key) or self._plans.of(key)
                kind = type(value)
                if kind is str:
                    if value in plan.clean:
                        continue
                elif plan.quiet and (
                    kind is bool
                    or (
                        (kind is int or kind is float) and value < _PLAIN_NUMBER  # pyright: ignore[reportOperatorIssue]  a number by now
                    )
                ):
                    continue
                if plan.whose is not None:
                    plan = self._plans.among(plan.whose, key, attributes)
                new = self._visit(value, plan, path + plan.new_key, found, 0)
                if new is not value or plan.new_key != key:
                    changes = changes or []
                    changes.append((key, plan, new))
        except Exception:
            self._failed(path, [])
            found.append(f"{path}*=error:engine")
            return {"traceo.dropped": DROPPED}
        return attributes if changes is None else changed(attributes, changes, path, found)

    def field(self, value: str, path: str, found: list[str]) -> str:
        """A text that has a place instead of a key: span name, status message, event name, scope name."""
        hits: list[str] = []
        clean = self.text(value, path, hits)
        if hits:
            found.extend(f"{path}={rule}" for rule in hits)
        return clean

    def report(self) -> dict[str, int]:
        """How often each rule hit."""
        return self._report.by_rule()

    def report_by_key(self) -> dict[str, int]:
        """How often something was redacted under each key; bounded."""
        return self._report.by_key()

    def spans(self, text: str, key: str = "") -> list[Span]:
        """Where ``text`` is redacted, in order and without overlap.

        Raises ``DetectorError``; for explaining.
        """
        plan = self._plans.of_one(key)
        if plan.masks:
            return [Span(0, len(text), plan.decision.marker, plan.decision.rule)] if text else []
        spans = self._find(text, plan)
        return join([*spans, *literals(text)]) if plan.decision.room == "sql" else spans

    def _visit(self, value: AnyValue, plan: Plan, where: str, found: list[str], depth: int) -> AnyValue:
        if value is None or (isinstance(value, bool) and not plan.drops):
            return value
        if plan.drops:
            if value != "":
                self._report.count(plan.decision.rule, plan.new_key)
                found.append(f"{where}={plan.decision.rule}")
            return ""
        if isinstance(value, str):
            return self._str(value, plan, where, found)
        if isinstance(value, (int, float)):
            return self._number(value, plan, where, found)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._bytes(bytes(value), plan, where, found)
        if depth >= _DEPTH:
            self._report.count("depth", plan.new_key)
            found.append(f"{where}=depth")
            return DROPPED
        if isinstance(value, Mapping):
            if plan.masks:
                return self._str("{}", plan, where, found)
            return self._mapping(value, plan, where, found, depth)
        if isinstance(value, Sequence):
            return self._sequence(value, plan, where, found, depth)
        return self._str(str(value), plan, where, found)

    def _mapping(
        self, value: Mapping[str, AnyValue], plan: Plan, where: str, found: list[str], depth: int
    ) -> AnyValue:
        changes: list[Change] = []
        for key, item in value.items():
            inner = self._plans.within(plan, key, value)
            judged = self._plans.value_of(key, value) or inner
            name = inner.new_key[len(plan.new_key) + 1 :]
            new = self._visit(item, judged, f"{where}.{name}", found, depth + 1)
            if new is not item or name != key:
                changes.append((key, inner, new))
        if not changes:
            return value
        return changed(value, changes, f"{where}.", found, skip=len(plan.new_key) + 1)

    def _sequence(
        self, value: Sequence[AnyValue], plan: Plan, where: str, found: list[str], depth: int
    ) -> AnyValue:
        # A header list: [("authorization", "Bearer …"), …]. Its second items are judged by the first ones.
        if len(value) == 2 and isinstance(value[0], (str, bytes)) and not plan.masks:
            name = value[0] if isinstance(value[0], str) else value[0].decode("latin-1")
            # Two sensitive names beside each other are a list of names.
            if self._keys.sensitive(name)[0] and not self._keys.sensitive(str(value[1]))[0]:
                inner = self._plans.named(name)
                new = self._visit(value[1], inner, f"{where}.1", found, depth + 1)
                return value if new is value[1] else [value[0], new]
        if len(value) > 1 and any(
            item.startswith("-")
            if isinstance(item, str)
            else isinstance(item, bytes) and item.startswith(b"-")
            for item in value
        ):
            items = self._arguments(value, plan, where, found, depth)
        else:
            items = [
                self._visit(item, plan, f"{where}.{i}", found, depth + 1) for i, item in enumerate(value)
            ]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else items

    def _arguments(
        self, value: Sequence[AnyValue], plan: Plan, where: str, found: list[str], depth: int
    ) -> list[AnyValue]:
        """The arguments of a command: one is judged by the option before it, and by what its command is."""
        texts = [
            item if isinstance(item, str) else item.decode("latin-1") if isinstance(item, bytes) else ""
            for item in value
        ]
        places = secrets_among(texts)
        items: list[AnyValue] = []
        for i, item in enumerate(value):
            place, judged = f"{where}.{i}", plan
            if i in places and not plan.masks and not self._marks.keeps("CREDENTIALS"):
                hits: list[str] = []
                self._count("command", plan, hits)
                found.extend(f"{place}={rule}" for rule in hits)
                head, secret = texts[i][: places[i]], texts[i][places[i] :]
                mark = self._marks.mark(Span(0, len(secret), "CREDENTIALS", "command"), secret)
                items.append(self._str(head, plan, place, found) + mark)
                continue
            if i and not plan.masks and is_option(texts[i - 1]) and not texts[i].startswith("--"):
                named = self._keys.sensitive(texts[i - 1])
                if named[0] and not (named[1] == "key:address" and listens("address", texts[i])):
                    judged = self._plans.named(texts[i - 1])
            items.append(self._visit(item, judged, place, found, depth + 1))
        return items

    def _number(self, value: float, plan: Plan, where: str, found: list[str]) -> AnyValue:
        if not plan.masks and (
            plan.view.structural or (abs(value) < _PLAIN_NUMBER and plan.quiet) or value != value  # noqa: PLR0124  NaN
        ):
            return value
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e20:
            text = str(int(value))
        else:
            text = str(value)
        new = self._str(text, plan, where, found)
        return value if new == text else new

    def _bytes(self, value: bytes, plan: Plan, where: str, found: list[str]) -> AnyValue:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        new = self._str(text, plan, where, found)
        return value if new == text else new.encode()

    def _str(self, value: str, plan: Plan, where: str, found: list[str]) -> str:
        hits: list[str] = []
        new = self._text(value, plan, hits)
        if hits:
            found.extend(f"{where}={rule}" for rule in hits)
        return new

    def _text(self, value: str, plan: Plan, hits: list[str]) -> str:
        if value in plan.clean or not value:
            return value
        decision = plan.decision
        if plan.masks:
            if MARKER.fullmatch(value):
                return value
            self._count(decision.rule, plan, hits)
            return self._marks.of(decision.marker, decision.action, value)
        text = value if len(value) <= self.policy.scanned_chars else cut(value, self.policy.scanned_chars)
        try:
            if decision.room in {"sql", "mysql"}:
                text = self._without_literals(text, plan, hits)
            spans = self._find(text, plan)
        except DetectorError as error:
            self._count(f"error:{error.entity}", plan, hits)
            return DROPPED
        if not spans and text is value:
            self._remember(value, plan.clean)
            return value
        for rule in dict.fromkeys(span.rule for span in spans):
            self._count(rule, plan, hits)
        new = render(text, spans, self._marks.mark)
        if len(value) > self.policy.scanned_chars:
            self._count("too_long", plan, hits)
            new += _CUT
        return new

    def _without_literals(self, text: str, plan: Plan, hits: list[str]) -> str:
        statement = normalise(text, plan.decision.room)
        if statement is not text:
            self._count("sql_literal", plan, hits)
        return statement

    def _find(self, text: str, plan: Plan) -> list[Span]:
        spans = self._scanner.scan(text, plan.view)
        return join([span for span in spans if not self._marks.keeps(span.entity)]) if spans else spans

    @staticmethod
    def _remember(value: str, clean: set[str]) -> None:
        if len(value) > _CLEAN_CHARS:
            return
        if len(clean) >= _CLEAN_KEPT:
            clean.clear()
        clean.add(value)

    def _count(self, rule: str, plan: Plan, hits: list[str]) -> None:
        hits.append(rule)
        self._report.count(rule, plan.new_key)

    def _failed(self, key: str, hits: list[str]) -> str:
        hits.append("error:engine")
        self._report.count("error:engine", "(unknown)" if "@" in key else key)
        return DROPPED
