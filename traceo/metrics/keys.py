"""A dict key for a set of attributes, made quickly: it is looked up each time something is measured.

1, 1.0 and True are different values of an attribute, and equal in Python: the key also holds their types.
The order of the attributes matters to it; ``stream`` knows the few orders that a set comes in.

``keys.pyx`` is the compiled twin, see ``traceo._compiled``.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["Keys", "are_plain", "canonical"]

_PLAIN = frozenset((str, int, float, bool))


class Keys:
    """Makes keys; the class has no state, and one instance serves all."""

    __slots__ = ()

    def of(self, attributes: Any) -> Any:
        """A hashable key of a mapping, or None, or a tuple that is not hashable: then go the slow way."""
        values = attributes.values()
        return (*attributes, *values, *map(type, values))


def are_plain(attributes: Mapping[object, object]) -> bool:
    """Whether they need no cleaning, and their key finds them again: values are equal to themselves."""
    return all(
        type(name) is str and name and type(value) in _PLAIN and value == value  # noqa: PLR0124  not a number
        for name, value in attributes.items()
    )


def canonical(attributes: dict[str, Any]) -> tuple[Any, ...]:
    """The key of a set of cleaned attributes, whatever their order."""
    return tuple([(name, _frozen(attributes[name])) for name in sorted(attributes)])


def _frozen(value: object) -> Any:
    kind = type(value)
    if kind is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, tuple):
        return ("sequence", tuple([_frozen(item) for item in value]))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  cleaned, but unknown
    if isinstance(value, dict):
        return ("mapping", canonical(value))  # pyright: ignore[reportUnknownArgumentType]  as above
    if value != value:  # noqa: PLR0124  not a number, and not equal to itself
        return ("float", "nan")
    return (kind, value)


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
