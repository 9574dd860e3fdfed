"""Customers: made by Faker in the languages of six countries, each with what an honest form asks for."""

import threading
import unicodedata
from random import Random
from typing import Final

import msgspec
from faker import Faker

from traceo.cli.demo import numbers, secrets
from traceo.cli.demo.needles import SHORTEST

__all__ = ["Document", "Person", "Persons"]

_LOCALES: Final = ("en_US", "de_DE", "en_IN", "en_GB", "pt_BR", "zh_CN")
_DOMAINS: Final = ("example.com", "example.org", "mail.example.net", "beispiel.de")


class Document(msgspec.Struct, frozen=True):
    """An identity document: ``kind`` is the type's name, ``key`` what forms call it."""

    kind: str
    key: str
    number: str


class Person(msgspec.Struct, frozen=True):
    """One customer."""

    name: str
    email: str
    phone: str
    street: str
    city: str
    country: str
    password: str
    ip: str
    document: Document


class Persons:
    """Makes the customer of a number: the same one for the same seed and number, in any order."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._lock = threading.Lock()  # a Faker is seeded and then asked; nobody may come in between
        self._fakers = {locale: Faker(locale) for locale in _LOCALES}

    def random(self, number: int) -> Random:
        """The source of all that customer ``number`` does."""
        return Random(f"{self._seed}/{number}")  # noqa: S311  repeatable on purpose

    def make(self, number: int, random: Random) -> Person:
        """The customer; names too short to search for are passed over (they would be found by chance)."""
        locale = random.choice(_LOCALES)
        fake = self._fakers[locale]
        with self._lock:
            fake.seed_instance(random.getrandbits(64))
            name = next(name for name in iter(fake.name, "") if len(name.encode()) >= SHORTEST)
            street, city = fake.street_name(), fake.city()
        local = random.choice(("{}", "{}.tea", "{}+shop")).format(_handle(name, number))
        kind, key, make = random.choice(numbers.DOCUMENTS)
        return Person(
            name=name,
            email=f"{local}@{random.choice(_DOMAINS)}",
            phone=numbers.phone(random),
            street=f"{street} {random.randint(10_000, 99_999)}",
            city=city,
            country=locale[-2:],
            password=secrets.password(random),
            ip=numbers.ip(random),
            document=Document(kind, key, make(random)),
        )


def _handle(name: str, number: int) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = [word.strip(".") for word in plain.split()]
    return f"{'.'.join(word for word in words if word) or 'kunde'}{number}"
