"""What the engine remembers about a key, and how it copies what it has to change."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import TypeAlias

from traceo.records import AnyValue, Attributes

from .conventions import HOSTS
from .key_words import GEN_AI_NEIGHBOURS
from .keys import Decision, KeyTable, words_of
from .marks import Marks
from .persons import NAME, Roles, is_person, listens
from .policy import Action
from .scan import Scanner, View
from .spans import join, render
from .sql import STRINGS_IN_DOUBLE_QUOTES

__all__ = ["Change", "Plan", "Plans", "changed", "cut"]

_PLANS_KEPT = 4096
_SYSTEMS = ("db.system.name", "db.system")
_WORD_CHARS = 1024
# The fields of a list of names and values: of forms, headers, environments.
_NAME_FIELDS = ("name", "key", "Name", "Key")
_LAST_OF_ADDRESS = frozenset("0123456789abcdefABCDEF:")
_VALUE_FIELDS = frozenset({"value", "val", "Value"})


class Plan:
    """What to do with the values of one key, and the clean texts seen under keys like it.

    Whose a ``name`` is, only its siblings say: ``whose`` has the plans for the two cases, a person's last. So
    has it for a statement, MySQL's last, and for ``metadata`` and the like, those of a language model last.
    """

    __slots__ = ("clean", "decision", "drops", "key", "masks", "new_key", "quiet", "view", "whose")

    def __init__(
        self, key: str, new_key: str, decision: Decision, clean: set[str], view: View, *, quiet: bool
    ) -> None:
        self.whose: tuple[Plan, Plan] | None = None
        self.key = key
        self.new_key = new_key
        self.decision = decision
        self.clean = clean
        self.view = view
        self.masks = decision.action not in {Action.SCAN, Action.KEEP}
        self.drops = decision.action is Action.DROP
        self.quiet = quiet  # small numbers under this key are just numbers


class _Hosts(set[str]):
    """Clean texts under a key whose values are hosts: an address alone is clean without a look.

    ``seen`` has the same texts, for whoever looks often.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __contains__(self, text: object) -> bool:
        if super().__contains__(text):
            return True
        if not isinstance(text, str) or not _is_address(text):
            return False
        if len(self) < _PLANS_KEPT:
            self.add(text)
        return True

    def add(self, text: str, /) -> None:
        super().add(text)
        self.seen.add(text)

    def clear(self) -> None:
        super().clear()
        self.seen.clear()


class Plans:
    """The plans for keys, made once each: of attributes, of what is nested in them, of single values."""

    def __init__(self, keys: KeyTable, scanner: Scanner) -> None:
        self._keys = keys
        self._scanner = scanner
        self._roles = Roles(keys)
        self._key_view = scanner.view("")
        self._clean: dict[str, set[str]] = {}
        self.top: dict[str, Plan] = {}
        """By attribute key; may be looked into, for speed."""
        self.alone: dict[str, Plan] = {}
        """The same for values that stand beside no other: there, a name is a thing's."""
        self._nested: dict[str, Plan] = {}

    def of(self, key: str) -> Plan:
        """The plan for an attribute."""
        return self.top.get(key) or self._make(key, self.top)

    def of_one(self, key: str) -> Plan:
        """The plan for a value without siblings."""
        plan = self.alone.get(key) or self._make(key, self.alone)
        if plan.whose is not None:
            plan = self.alone[key] = plan.whose[plan.masks]
        return plan

    def within(self, outer: Plan, key: str, siblings: Mapping[str, AnyValue]) -> Plan:
        """The plan for the item ``key`` of a mapping under another key."""
        name = f"{outer.key}.{key}"
        plan = self._nested.get(name) or self._make(name, self._nested, key)
        return plan if plan.whose is None else self.among(plan.whose, key, siblings)

    def named(self, name: str) -> Plan:
        """The plan for a value whose key stands beside it, as in a list of headers."""
        return self._nested.get(name) or self._make(name, self._nested)

    def value_of(self, key: str, siblings: Mapping[str, AnyValue]) -> Plan | None:
        """The plan for a ``value`` whose key is in the ``name`` beside it; None when it is no such value."""
        if key not in _VALUE_FIELDS:
            return None
        name = next((siblings[field] for field in _NAME_FIELDS if field in siblings), None)
        return self.named(name) if isinstance(name, str) and self._keys.sensitive(name)[0] else None

    def among(self, plans: tuple[Plan, Plan], key: str, siblings: Mapping[str, AnyValue]) -> Plan:
        """The plan of the two: of a name or an address by whose it is, of a statement by its database."""
        if plans[0] is plans[1]:
            return plans[0]
        value = siblings[key]
        if plans[0].decision.beside is not None:
            return plans[any(name.startswith(GEN_AI_NEIGHBOURS) for name in siblings)]
        if plans[0].decision.room == "sql":
            return plans[any(siblings.get(system) in STRINGS_IN_DOUBLE_QUOTES for system in _SYSTEMS)]
        if plans[1].decision.marker == "ADDRESS":
            return plans[not (isinstance(value, str) and listens(key, value))]
        return plans[self._roles.beside(key, siblings)]

    def _make(self, key: str, kept: dict[str, Plan], last: str = "") -> Plan:
        if len(kept) >= _PLANS_KEPT:
            kept.clear()
        plan = kept[key] = self._judge(key, self._keys.decide(key, last))
        return plan

    def _judge(self, key: str, decision: Decision) -> Plan:
        if decision.room == "sql" and decision.action is Action.SCAN:
            others = self._plan(key, decision)
            mysql = Decision(Action.SCAN, "", decision.words, room="mysql", structural=decision.structural)
            return self._one_of(key, decision, others, self._plan(key, mysql))
        if decision.beside is not None:
            # Outside: whoever stands alone stands beside no language model.
            outside, content = self._plan(key, decision), self._plan(key, decision.beside)
            return self._one_of(key, Decision(Action.SCAN, "", decision.words), outside, content)
        if key in HOSTS and decision.fixed:
            return self._host(key, decision)
        before, _, end = key.rpartition(".")
        if decision.rule == "key:address":
            persons = self._plan(key, decision)
        elif not decision.rule and not decision.fixed and self._roles.of(end) is NAME:
            persons = self._plan(key, Decision(Action.MASK, "NAME", decision.words, rule="key:name"))
            if is_person(words_of(before)):
                return persons
        else:
            return self._plan(key, decision)
        things = self._plan(key, Decision(Action.SCAN, "", decision.words))
        return self._one_of(key, decision, things, persons)

    def _host(self, key: str, decision: Decision) -> Plan:
        host = self._plan(key, decision)
        host.clean = known = _Hosts()
        plan = self._one_of(key, decision, host, host)
        plan.clean = known.seen  # a plain set is looked into ten times faster
        return plan

    @staticmethod
    def _one_of(key: str, decision: Decision, plain: Plan, other: Plan) -> Plan:
        # Its values are in no set of clean texts until it is known whose they are.
        plan = Plan(key, plain.new_key, decision, set(), plain.view, quiet=False)
        plan.whose = plain, other
        return plan

    def _plan(self, key: str, decision: Decision) -> Plan:
        masks = decision.action not in {Action.SCAN, Action.KEEP}
        context = self._scanner.context_of(decision.words)
        # Texts are clean for all keys that are scanned alike, so those share one set. Under a mask none is
        # clean.
        structural = decision.structural or decision.action is Action.KEEP
        view = self._scanner.view(decision.words, structural=structural, room=decision.room)
        like = "masked" if masks else f"{decision.room}/{structural}/{view.about}/{context}"
        spans = self._scanner.scan(key, self._key_view) if decision.action is not Action.KEEP else []
        new_key = render(key, join(spans), Marks.plain) if spans else key
        quiet = not masks and new_key == key and (structural or not context)
        return Plan(key, new_key, decision, self._clean.setdefault(like, set()), view, quiet=quiet)


def _is_address(text: str) -> bool:
    if not text or text[-1] not in _LAST_OF_ADDRESS or "%" in text:
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


Change: TypeAlias = tuple[str, Plan, AnyValue]  # the old key, its plan, the new value


def cut(value: str, limit: int) -> str:
    """The head of a long text, without the word that the cut goes through.

    Half a secret would not be recognised.
    """
    head = value[:limit]
    last = max(head.rfind(" ", limit - _WORD_CHARS), head.rfind("\n", limit - _WORD_CHARS))
    return head[: last + 1] if last >= 0 else head[: max(0, limit - _WORD_CHARS)]


def changed(
    attributes: Mapping[str, AnyValue],
    changes: list[Change],
    path: str,
    found: list[str],
    *,
    skip: int = 0,
) -> Attributes:
    """A copy with new values, and new keys for those that were personal data themselves."""
    copy = dict(attributes)
    for key, plan, value in changes:
        name = plan.new_key[skip:]
        if name == key:
            copy[key] = value
            continue
        del copy[key]
        free, number = name, 2
        while free in copy:
            free, number = f"{name}#{number}", number + 1
        copy[free] = value
        found.append(f"{path}{free}=KEY")
    return copy
