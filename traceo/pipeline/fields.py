"""Values that the policy seals or pseudonymises: a token in their place, and the value itself, sealed.

``user.email: "ada@example.com"`` becomes ``user.email: "pn_…"`` and, for `seal`, beside it
``user.email.sealed: "eyJ…"`` (see `traceo.sealing.field`). This happens in the pipeline thread, after
attribute limits: a token is never cut. When a value cannot be sealed, its token stays and the failure is
counted: fail closed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

import msgspec

from traceo.errors import TraceoError
from traceo.records import AnyValue, Attributes
from traceo.redaction.keys import KeyTable
from traceo.redaction.policy import Action, Policy
from traceo.sealing.keyring import FieldKeys, WrappedKey
from traceo.sealing.pseudonym import Pseudonyms
from traceo.sealing.recipients import KeySetFile
from traceo.semconv import SEALED_SUFFIX

__all__ = ["FieldSealer", "field_sealer"]

_SUBJECT_KEYS = ("enduser.id", "user.id")
_TOKEN = re.compile(r"pn_[0-9A-Za-z_-]{43}")  # already one, made by the application or by another service
_DEPTH = 8
_KEPT = 4096
_NOT_SEALED = "error:not_sealed"

Path: TypeAlias = str


class FieldSealer:
    """Applies the rules `seal` and `pseudonymise` of a policy. One thread; nothing raises.

    Args:
        policy: whose rules.
        pseudonyms: makes tokens.
        keys: seals; None when there is no reveal key, and then values are only pseudonymised.
    """

    __slots__ = ("_entities", "_keys", "_plans", "_pseudonyms", "_table", "failures")

    def __init__(
        self, policy: Policy, *, pseudonyms: Callable[[str], str], keys: FieldKeys | None = None
    ) -> None:
        self._table = KeyTable(policy.keys, gen_ai=policy.gen_ai) if _wanted(policy) else None
        self._entities = frozenset(entity for entity, action in policy.entities if action is Action.SEAL)
        self._pseudonyms = pseudonyms
        self._keys = keys
        self._plans: dict[str, Action | None] = {}
        self.failures = 0

    def subject(self, named: str, attributes: Attributes | None) -> str:
        """The pseudonym of whom a record is about: `named`, or who its attributes say; "" for nobody."""
        who: AnyValue = named
        if not who and attributes:
            who = next((attributes[key] for key in _SUBJECT_KEYS if key in attributes), "")
        if not who:
            return ""
        text = str(who)
        return text if _TOKEN.fullmatch(text) else self._pseudonyms(text)

    def apply(
        self,
        original: Attributes | None,
        clean: Attributes | None,
        path: Path,
        found: list[str],
        subject: str,
    ) -> Attributes | None:
        """`clean`, what redaction made of `original`, with tokens and sealed values.

        `found` has redaction's findings under `path`; what could not be sealed is added to it.
        """
        if not original or clean is None or (self._table is None and not self._entities):
            return clean
        try:
            return self._mapping(original, clean, "", path, found, subject, 0)
        except Exception:  # fail closed: redaction's result has no value of these keys in it
            self._failed(path + "*", found)
            return clean

    def drain(self) -> Sequence[WrappedKey]:
        """The wrapped keys made since the last call: to be delivered before what was sealed under them."""
        return self._keys.drain() if self._keys is not None else ()

    def report(self) -> dict[str, int]:
        """How often a value that should have been sealed was only pseudonymised."""
        return {_NOT_SEALED: self.failures} if self.failures else {}

    def _mapping(
        self,
        original: Mapping[str, AnyValue],
        clean: Mapping[str, AnyValue],
        prefix: str,
        path: Path,
        found: list[str],
        subject: str,
        depth: int,
    ) -> Mapping[str, AnyValue]:
        changed: dict[str, AnyValue] | None = None
        for key, value in original.items():
            # A key that was personal data itself has another name now; its value is redacted, and stays so.
            if value is None or key not in clean:
                continue
            name = prefix + key
            action = self._action(name)
            if action is not None:
                changed = dict(clean) if changed is None else changed
                changed[key] = self._token(value)
                if action is Action.SEAL:
                    self._seal(changed, key, name, value, path, found, subject)
            elif isinstance(value, Mapping) and isinstance(clean[key], Mapping) and depth < _DEPTH:
                inner = cast("Mapping[str, AnyValue]", clean[key])
                nested = self._mapping(value, inner, name + ".", f"{path}{key}.", found, subject, depth + 1)
                if nested is not inner:
                    changed = dict(clean) if changed is None else changed
                    changed[key] = nested
            elif self._entities and self._was_found(path + key, found):
                changed = dict(clean) if changed is None else changed
                self._seal(changed, key, name, value, path, found, subject)
        return clean if changed is None else changed

    def _action(self, key: str) -> Action | None:
        """`SEAL`, `PSEUDONYMISE` or neither."""
        if self._table is None:
            return None
        if key in self._plans:
            return self._plans[key]
        decided = self._table.decide(key).action
        action = decided if decided in {Action.SEAL, Action.PSEUDONYMISE} else None
        if len(self._plans) >= _KEPT:
            self._plans.clear()
        self._plans[key] = action
        return action

    def _token(self, value: AnyValue) -> str:
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        return text if _TOKEN.fullmatch(text) else self._pseudonyms(text)

    def _seal(
        self,
        changed: dict[str, AnyValue],
        key: str,
        name: str,
        value: AnyValue,
        path: Path,
        found: list[str],
        subject: str,
    ) -> None:
        plain = isinstance(value, str)
        data = value.encode("utf-8", "surrogatepass") if plain else msgspec.json.encode(value)
        try:
            token = self._keys and self._keys.seal(data, attribute=name, subject=subject, json=not plain)
        except (TraceoError, ValueError):
            token = None
        if token:
            changed[key + SEALED_SUFFIX] = token
            return
        self._failed(path + key, found)

    def _was_found(self, path: Path, found: list[str]) -> bool:
        """Whether redaction found, in the value at `path`, an entity that is to be sealed."""
        head = path + "="
        return any(entry.startswith(head) and entry[len(head) :] in self._entities for entry in found)

    def _failed(self, path: Path, found: list[str]) -> None:
        self.failures += 1
        found.append(f"{path}={_NOT_SEALED}")


def field_sealer(policy: Policy, reveal_keys: Sequence[str]) -> FieldSealer:
    """The sealer of a policy whose `secret` makes tokens, for the key sets in the files `reveal_keys`."""
    files = [KeySetFile(path) for path in reveal_keys]
    keys = FieldKeys(lambda: [file.recipient() for file in files]) if files else None
    return FieldSealer(policy, pseudonyms=Pseudonyms(policy.secret), keys=keys)


def _wanted(policy: Policy) -> bool:
    actions = {policy.gen_ai, *(rule.action for rule in policy.keys)}
    return policy.enabled and not actions.isdisjoint({Action.SEAL, Action.PSEUDONYMISE})
