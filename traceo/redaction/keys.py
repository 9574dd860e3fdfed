"""What an attribute key says about its value.

A key is folded first: ``http.request.header.X-Api-Key``, ``xApiKey`` and ``x_api_key`` all end in the
words ``x api key``. A rule matches the whole folded key or a suffix of its words. The table is the
built-in policy; a user's rules come before it.
"""

import fnmatch
import re

from .conventions import CONVENTIONS, IDS
from .key_words import (
    EXACT,
    EXEMPT,
    GEN_AI,
    GEN_AI_BESIDE,
    GEN_AI_PARTS,
    GEN_AI_TOLD,
    NAMES,
    PERSONS,
    PREFIXES,
    SQL,
    STEMS,
    SUFFIXES,
    URLS,
)
from .policy import Action, KeyRule

__all__ = ["SAID", "Decision", "KeyTable", "is_told", "words_of"]

SAID = "gen_ai.event.content."
"""How a key begins whose value is content by where it stands: in an event of a language model."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[^0-9A-Za-z\u0080-\U0010ffff]+")
_KEY_CHARS = 256


class Decision:
    """What the key alone settles.

    A ``fixed`` key is a name of the conventions, whose words say nothing; under a ``structural`` one are ids.
    ``beside`` is the decision where the keys of a language model stand beside this one, when it is another.
    """

    __slots__ = ("action", "beside", "fixed", "marker", "room", "rule", "structural", "words")

    def __init__(
        self,
        action: Action,
        marker: str,
        words: str,
        *,
        rule: str = "",
        room: str = "",
        fixed: bool = False,
        structural: bool = False,
    ) -> None:
        self.action = action
        self.marker = marker
        self.rule = rule
        self.words = words
        self.room = room
        self.beside: Decision | None = None
        self.fixed = fixed
        self.structural = structural


def words_of(key: str) -> str:
    """The folded form: words in lower case, joined by ``_``.

    >>> words_of("http.request.header.X-Api-Key"), words_of("cardNumber")
    ('http_request_header_x_api_key', 'card_number')
    """
    return _SEPARATORS.sub("_", _CAMEL.sub("_", key[-_KEY_CHARS:])).strip("_").lower()


def _table(source: dict[str, str]) -> dict[str, str]:
    return {name: marker for marker, names in source.items() for name in names.split()}


class KeyTable:
    """The rules by key, a user's before the built-in ones."""

    def __init__(self, rules: tuple[KeyRule, ...] = (), *, gen_ai: Action = Action.DROP) -> None:
        self._gen_ai = gen_ai
        persons = {
            f"{person}{many}_{marker.lower()}": marker
            for person in PERSONS
            for many in ("", "s")
            for marker in ("NAME", "ADDRESS")
        }
        self._suffixes = persons | _table(SUFFIXES)
        self._exact = _table(EXACT)
        self._globs = [rule for rule in rules if any(c in rule.match for c in "*?[")]
        self._rules = {words_of(rule.match): rule for rule in rules if rule not in self._globs}

    def decide(self, key: str, last: str = "") -> Decision:
        """The decision for ``key``: constant work, and worth remembering by the caller.

        ``last`` is the key's own part when the rest is what it is nested in.
        """
        is_said = key.startswith(SAID)
        key = key.removeprefix(SAID)
        words = words_of(key)
        rule = self._own_rule(key, words)
        if rule is not None:
            return Decision(rule.action, rule.marker, words, rule=f"key:{rule.match}", room=_room(words))
        if key in CONVENTIONS and not is_said:
            return Decision(Action.SCAN, "", "", fixed=True, structural=key in IDS)
        if is_said or ((words in GEN_AI or words.startswith(GEN_AI_PARTS)) and words not in EXEMPT):
            if self._gen_ai is not Action.SCAN:
                return self._content(words)
            if words in GEN_AI:
                return Decision(Action.SCAN, "", words)
        decision = self._by_words(words, last)
        if words in GEN_AI_BESIDE:
            scanned = self._gen_ai is Action.SCAN
            decision.beside = Decision(Action.SCAN, "", words) if scanned else self._content(words)
        return decision

    def _by_words(self, words: str, last: str) -> Decision:
        marker, matched = self._built_in(words)
        if not marker and last and words not in EXEMPT:
            matched = words_of(last)
            marker = self._exact.get(matched, "")
        if marker:
            return Decision(Action.MASK, marker, words, rule=f"key:{matched}")
        return Decision(Action.SCAN, "", words, room=_room(words))

    def _content(self, words: str) -> Decision:
        return Decision(self._gen_ai, "REDACTED", words, rule="key:gen_ai_content")

    def sensitive(self, key: str) -> tuple[str, str]:
        """Marker and matched rule for a key found inside a text, or two empty strings."""
        decision = self.decide(key)
        if decision.action in {Action.SCAN, Action.KEEP}:
            return "", ""
        return decision.marker, decision.rule

    def names(self) -> list[str]:
        """Every folded key that the built-in rules and the user's plain ones name, in a stable order."""
        own = [name for name, rule in self._rules.items() if rule.action not in {Action.SCAN, Action.KEEP}]
        stems = [stem for stem, _ in STEMS]
        # A bare name is looked at too: what stands around it decides.
        return sorted({*self._suffixes, *self._exact, *NAMES, *stems, *own})

    def _own_rule(self, key: str, words: str) -> KeyRule | None:
        for glob in self._globs:
            if fnmatch.fnmatchcase(key.lower(), glob.match.lower()):
                return glob
        if not self._rules:
            return None
        return next((self._rules[tail] for tail in _tails(words) if tail in self._rules), None)

    def _built_in(self, words: str) -> tuple[str, str]:
        if words in self._exact:
            return self._exact[words], words
        for tail in _tails(words):
            if tail in EXEMPT:
                return "", ""
            if tail in self._suffixes:
                return self._suffixes[tail], tail
        last = words.rsplit("_", 1)[-1]
        for stem, marker in STEMS:
            if last.endswith(stem):
                return marker, stem
        for prefix, marker in PREFIXES.items():
            if words.startswith(prefix + "_"):
                return marker, prefix
        return "", ""


def is_told(key: str) -> bool:
    """Whether an attribute of a language model's event tells of the event, and nothing that was said."""
    return key in CONVENTIONS or key in GEN_AI_TOLD


def _tails(words: str) -> list[str]:
    """The word suffixes, longest first."""
    parts = words.split("_")
    return ["_".join(parts[i:]) for i in range(len(parts))]


def _room(words: str) -> str:
    if words in SQL or words.endswith(("_db_statement", "_db_query_text")):
        return "sql"
    if words == "url_query" or words.endswith("query_string"):
        return "query"
    if words.startswith("url_") or words.rsplit("_", 1)[-1] in URLS:
        return "url"
    return ""
