"""Secrets that stay out of sight: no repr, no f-string, no traceback with locals, no pickle shows them."""

from typing import NoReturn, Self

__all__ = ["HiddenBytes", "HiddenText", "never_pickled"]


def never_pickled(self: object) -> NoReturn:
    """A ``__reduce__`` that keeps a secret from crossing to another process, or to a disk, by accident."""
    raise TypeError(f"a {type(self).__name__} holds a secret and is not pickled")


class HiddenBytes(bytes):
    """Bytes that are a secret. A slice of them is plain bytes: hide it again.

    >>> HiddenBytes(b"the key")
    <7 secret bytes>
    """

    __slots__ = ()
    __reduce__ = never_pickled

    def __repr__(self) -> str:
        return f"<{len(self)} secret bytes>"

    __str__ = __repr__

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        never_pickled(self)


class HiddenText(str):
    """Text that is a secret, such as a passphrase; ``encode()`` still gives its bytes.

    >>> f"{HiddenText('open sesame')}"
    '<secret text>'
    """

    __slots__ = ()
    __reduce__ = never_pickled

    def __new__(cls, text: str) -> Self:
        """`text`, hidden."""
        # `str` of a hidden text would be what it shows.
        return text if isinstance(text, cls) else super().__new__(cls, text)

    def __repr__(self) -> str:
        return "<secret text>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        never_pickled(self)
