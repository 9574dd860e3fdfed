"""Redaction for what the application prints itself, with the policy that telemetry has."""

from traceo.records import Attributes
from traceo.redaction import Engine, Policy
from traceo.redaction.engine import DROPPED

__all__ = ["DROPPED", "Scrub", "follow"]

_chosen: Policy | None = None


def follow(policy: Policy) -> None:
    """Have every :class:`Scrub` without a policy of its own use this one, that of ``traceo.init``."""
    global _chosen
    _chosen = policy


class Scrub:
    """A policy at work in the thread that logs; made before the first line, as that takes a while.

    Args:
        policy: what may be shown; ``None``: what ``traceo.init`` was given, or the built-in rules.
    """

    __slots__ = ("_engine", "_policy")

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy
        self._engine = Engine(policy or _chosen or Policy.default())

    def text(self, text: str, key: str) -> str:
        """A text, by the key it stands under."""
        return self._current().text(text, key, [])

    def attributes(self, attributes: Attributes) -> Attributes:
        """A mapping, keys included."""
        return self._current().attributes(attributes, "", []) or {}

    def _current(self) -> Engine:
        if self._policy is None and _chosen is not None and self._engine.policy is not _chosen:
            self._engine = Engine(_chosen)  # a formatter is often made before `traceo.init`
        return self._engine
