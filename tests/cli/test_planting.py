from random import Random

import pytest

from traceo.cli.demo import numbers, secrets
from traceo.cli.demo.ledger import Ledger, Plant
from traceo.cli.demo.persons import Persons


def mod97(number):
    moved = number[4:] + number[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97


def luhn(number):
    digits = [int(digit) for digit in number if digit.isdigit()]
    return sum(sum(divmod(digit * 2, 10)) for digit in digits[-2::-2]) + sum(digits[-1::-2])


@pytest.fixture
def random():
    return Random(7)


def test_check_digits_are_right(random):
    for _ in range(200):
        assert luhn(numbers.card(random)) % 10 == 0
        assert mod97(numbers.iban(random).replace(" ", "")) == 1


@pytest.mark.parametrize(
    ("known", "make"),
    [
        ("2341 2341 2346", numbers.aadhaar),  # the authority's own sample
        ("S1234567D", numbers.nric),
        ("11010519491231002X", numbers.resident_id),  # the standard's sample
        ("529.982.247-25", numbers.cpf),
    ],
)
def test_makers_agree_with_published_samples(known, make):
    """A maker that is asked for the sample's digits gives the sample's check digits."""
    assert make(_Dictated(known)).replace(" ", "") == known.replace(" ", "")


class _Dictated(Random):
    """Answers with the characters of a known number, one after the other."""

    def __init__(self, known):
        super().__init__(1)
        self._known = known
        self._rest = iter(character for character in known if character.isalnum())

    def choice(self, options):
        if options == (" ", ""):
            return ""
        if isinstance(options, tuple):  # a region code
            for _ in range(6):
                next(self._rest)
            return self._known[:6]
        return next(self._rest)

    def choices(self, options, *, k):
        return [next(self._rest) for _ in range(k)]

    def randint(self, low, high):
        width = len(str(high))
        return int("".join(next(self._rest) for _ in range(width)))

    def random(self):
        return 0.9


def test_the_same_customer_comes_again_with_the_same_seed():
    first, second = Persons(1), Persons(1)
    for number in (5, 3):
        assert first.make(number, first.random(number)) == second.make(number, second.random(number))
    assert first.make(3, first.random(3)) != first.make(4, first.random(4))


def test_every_maker_gives_values_long_enough_to_search_for(random):
    makers = [make for _, _, make in numbers.DOCUMENTS]
    makers += [numbers.card, numbers.iban, numbers.phone, numbers.ip]
    makers += [secrets.api_key, secrets.password, secrets.bearer, secrets.session_id, secrets.private_key]
    for make in makers:
        assert min(len(make(random).encode()) for _ in range(100)) >= 9


def test_a_value_planted_twice_is_one_plant_with_both_places():
    ledger = Ledger()
    assert ledger.plant("EMAIL", "ada@example.com", "URL path") == "ada@example.com"
    ledger.plant("EMAIL", "ada@example.com", "SQL parameter", "URL path")
    assert ledger.plants() == [Plant("EMAIL", "ada@example.com", ("URL path", "SQL parameter"))]


def test_a_value_only_in_a_header_is_not_expected_in_telemetry():
    assert not Plant("COOKIE", "x" * 9, ("request header", "SQL parameter")).expected
    assert Plant("COOKIE", "x" * 9, ("request header", "headers in a log line")).expected


def test_a_place_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="no such place: URL pth"):
        Ledger().plant("EMAIL", "ada@example.com", "URL pth")
