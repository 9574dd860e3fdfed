"""A dict key for a set of attributes, made quickly: it is looked up each time something is measured.

1, 1.0 and True are different values of an attribute, and equal in Python: the key also holds their types.
The order of the attributes matters to it; ``stream`` knows the few orders that a set comes in.

``keys.pyx`` is the compiled twin, see ``traceo._compiled``.
"""

from typing import Any

__all__ = ["PLAIN", "Keys", "canonical"]

PLAIN = frozenset((str, int, float, bool))
"""The types that values of a key have; others go the slow way."""


class Keys:
    """Makes keys; the class has no state, and one instance serves all."""

    __slots__ = ()

    def of(self, attributes: Any) -> Any:
        """A hashable key of a mapping, or None, or a tuple that is not hashable: then go the slow way."""
        values = attributes.values()
        return (*attributes, *values, *map(type, values))


def canonical(attributes: dict[str, Any]) -> tuple[Any, ...]:
    """The key of a set of cleaned attributes, whatever their order."""
    return tuple([(name, _frozen(attributes[name])) for name in sorted(attributes)])


def _frozen(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, tuple):
        return ("sequence", tuple([_frozen(item) for item in value]))  # pyright: ignore[reportUnknownVariableType]  cleaned, but unknown
    if isinstance(value, dict):
        names = sorted(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  as above
        return ("mapping", tuple([(name, _frozen(value[name])) for name in names]))  # pyright: ignore[reportUnknownVariableType]  as above
    if value != value:  # noqa: PLR0124  not a number, and not equal to itself
        return ("float", "nan")
    return (kind, value)


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
