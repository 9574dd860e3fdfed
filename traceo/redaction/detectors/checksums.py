"""Check digits that several types share. Each takes the bare digits and says whether they are consistent."""

__all__ = ["luhn", "mod97", "verhoeff", "weighted"]

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_D5 = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTED = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901",
    "2793806415", "7046913258",
)  # fmt: skip


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B, the check digit of payment cards.

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    total = 0
    double = False
    for char in reversed(digits):
        digit = int(char)
        total += _DOUBLED[digit] if double else digit
        double = not double
    return total % 10 == 0


def verhoeff(digits: str) -> bool:
    """Verhoeff 1969, over the dihedral group D5: Aadhaar.

    >>> verhoeff("2363"), verhoeff("2364")
    (True, False)
    """
    state = 0
    for place, char in enumerate(reversed(digits)):
        state = int(_D5[state][int(_PERMUTED[place % 8][int(char)])])
    return state == 0


def mod97(text: str) -> bool:
    """ISO/IEC 7064 MOD 97-10 as IBAN uses it.

    The first four characters move to the end, letters count from 10.

    >>> mod97("GB82WEST12345698765432")
    True
    """
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def weighted(digits: str, weights: tuple[int, ...]) -> int:
    """The sum of the digits, each multiplied by its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))
