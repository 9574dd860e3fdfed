"""How often which rule hit, and under which key; never what it hit."""

__all__ = ["Report"]

_KEYS_KEPT = 1024
_OTHER = "(other keys)"


class Report:
    """Counts for one writer and any number of readers.

    The number of keys is bounded; the rest count together.
    """

    __slots__ = ("_by_key", "_by_rule")

    def __init__(self) -> None:
        self._by_rule: dict[str, int] = {}
        self._by_key: dict[str, int] = {}

    def count(self, rule: str, key: str) -> None:
        """Add one redaction by ``rule`` under ``key`` (already free of personal data)."""
        self._by_rule[rule] = self._by_rule.get(rule, 0) + 1
        if key not in self._by_key and len(self._by_key) >= _KEYS_KEPT:
            key = _OTHER
        self._by_key[key] = self._by_key.get(key, 0) + 1

    def by_rule(self) -> dict[str, int]:
        """A copy of the counts by rule."""
        return self._by_rule.copy()

    def by_key(self) -> dict[str, int]:
        """A copy of the counts by attribute key."""
        return self._by_key.copy()
