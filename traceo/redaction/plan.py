"""What the engine remembers about a key, and how it copies what it has to change."""

from collections.abc import Mapping
from typing import TypeAlias

from traceo.records import AnyValue, Attributes

from .keys import Decision
from .policy import Action
from .scan import View

__all__ = ["Change", "Plan", "changed", "cut"]

_WORD_CHARS = 1024


class Plan:
    """What to do with the values of one key, and the clean texts seen under keys like it.

    Whose a ``name`` is, only its siblings say: ``whose`` has the plans for the two cases, a person's last.
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
