"""Numbers that belong to a person, with right check digits, from a seeded ``random.Random``.

Each function names the standard or rule it follows. Separators vary as they do in real forms.
"""

import string
from collections.abc import Callable
from random import Random
from typing import Final

__all__ = ["DOCUMENTS", "aadhaar", "card", "cpf", "iban", "ip", "nric", "pan", "phone", "resident_id", "ssn"]

_CARDS: Final = (
    ("4", 16),
    ("51", 16),
    ("5412", 16),
    ("2221", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("3528", 16),
    ("3566", 16),
)
_IBANS: Final = (
    ("DE", "dddddddddddddddddd"),
    ("FR", "ddddddddddcccccccccccdd"),
    ("GB", "aaaadddddddddddddd"),
)
_PHONES: Final = (
    "+1 (2##) 5##-####",
    "+1-4##-6##-####",
    "+1415#######",
    "+44 7### ######",
    "+49 151 ########",
    "+49171#######",
    "+65 9### ####",
    "+91 98### #####",
    "+86 138 #### ####",
    "+55 11 9####-####",
)


def card(random: Random, *, spaced: bool = True) -> str:
    """A payment card number (ISO/IEC 7812-1, Luhn check digit), in groups or in one run."""
    prefix, length = random.choice(_CARDS)
    body = prefix + _digits(random, length - len(prefix) - 1)
    number = body + _luhn(body)
    if not spaced:
        return number
    groups = (4, 6, 5) if length == 15 else (4, 4, 4, 4)
    return random.choice((" ", "-", "")).join(_cut(number, groups))


def iban(random: Random, *, spaced: bool = True) -> str:
    """An account number (ISO 13616, remainder 97 = 1) of Germany, France or the United Kingdom."""
    country, shape = random.choice(_IBANS)
    kinds = {"d": string.digits, "a": string.ascii_uppercase, "c": string.digits + string.ascii_uppercase}
    account = "".join(random.choice(kinds[kind]) for kind in shape)
    as_number = int("".join(str(int(character, 36)) for character in f"{account}{country}00"))
    number = f"{country}{98 - as_number % 97:02d}{account}"
    return " ".join(_cut(number, (4,) * 7)) if spaced and random.random() < 0.5 else number


def phone(random: Random) -> str:
    """A number with its country code, as people of that country write it."""
    return "".join(random.choice("23456789") if mark == "#" else mark for mark in random.choice(_PHONES))


def ip(random: Random) -> str:
    """An IPv4 address that is globally reachable (none of the blocks of RFC 6890)."""
    first = random.choice((101, 109, 122, 138, 151, 176, 185, 193, 212, 217))
    return f"{first}.{random.randint(20, 99)}.{random.randint(100, 250)}.{random.randint(100, 250)}"


def ssn(random: Random) -> str:
    """A United States social security number: area not 000, 666 or 9xx, group and serial not zero."""
    area = random.choice([number for number in range(1, 900) if number != 666])
    return f"{area:03d}-{random.randint(1, 99):02d}-{random.randint(1, 9999):04d}"


def aadhaar(random: Random) -> str:
    """India's 12-digit number: begins with 2 to 9, Verhoeff check digit."""
    body = random.choice("23456789") + _digits(random, 10)
    number = body + _verhoeff(body)
    return random.choice((" ", "")).join(_cut(number, (4, 4, 4)))


def pan(random: Random) -> str:
    """India's permanent account number of a person (fourth letter P)."""
    return f"{_letters(random, 3)}P{_letters(random, 1)}{_digits(random, 4)}{_letters(random, 1)}"


def nric(random: Random) -> str:
    """Singapore's identity card number (S and T series) with its check letter."""
    series, digits = random.choice("ST"), _digits(random, 7)
    total = sum(weight * int(digit) for weight, digit in zip((2, 7, 6, 5, 4, 3, 2), digits, strict=True))
    return f"{series}{digits}{'JZIHGFEDCBA'[(total + 4 * (series == 'T')) % 11]}"


def resident_id(random: Random) -> str:
    """China's resident identity number (GB 11643-1999, ISO 7064 mod 11-2)."""
    region = random.choice(("110105", "310104", "440305", "510107"))
    born = f"{random.randint(1950, 2005)}{random.randint(1, 12):02d}{random.randint(1, 28):02d}"
    body = region + born + _digits(random, 3)
    total = sum(int(digit) * pow(2, 17 - position, 11) for position, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def cpf(random: Random) -> str:
    """Brazil's tax number of a person, with its two check digits."""
    digits = _digits(random, 9)
    for _ in range(2):
        rest = sum(
            weight * int(digit) for weight, digit in zip(range(len(digits) + 1, 1, -1), digits, strict=True)
        )
        digits += str(rest * 10 % 11 % 10)
    if random.random() < 0.3:
        return digits
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"


DOCUMENTS: Final[tuple[tuple[str, str, Callable[[Random], str]], ...]] = (
    ("US_SSN", "ssn", ssn),
    ("IN_AADHAAR", "aadhaar", aadhaar),
    ("IN_PAN", "pan", pan),
    ("SG_NRIC", "nric", nric),
    ("CN_RESIDENT_ID", "resident_id", resident_id),
    ("BR_CPF", "cpf", cpf),
)
"""Each national id: its type, the key that forms and APIs give it, and its maker."""


def _luhn(body: str) -> str:
    total = 0
    for position, digit in enumerate(map(int, reversed(body))):
        doubled = digit * 2 if position % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def _verhoeff(body: str) -> str:
    """Verhoeff 1969: the dihedral group D5, computed instead of tabled."""
    check = 0
    for position, digit in enumerate(map(int, reversed(body)), 1):
        check = _dihedral(check, _permuted(digit, position))
    return str(next(digit for digit in range(10) if _dihedral(check, digit) == 0))


def _dihedral(left: int, right: int) -> int:
    turned = (left + right) if left < 5 else (left - right)
    return turned % 5 + 5 * ((left >= 5) != (right >= 5))


def _permuted(digit: int, times: int) -> int:
    for _ in range(times % 8):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit


def _cut(number: str, lengths: tuple[int, ...]) -> list[str]:
    groups: list[str] = []
    for length in lengths:
        groups.append(number[:length])
        number = number[length:]
    return [group for group in groups if group]


def _digits(random: Random, count: int) -> str:
    return "".join(random.choices(string.digits, k=count))


def _letters(random: Random, count: int) -> str:
    return "".join(random.choices(string.ascii_uppercase, k=count))
