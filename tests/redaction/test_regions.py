import pytest

from traceo.redaction import Engine, Policy
from traceo.redaction.profiles import PROFILES

ALL = Policy(profiles=tuple(PROFILES))
ENGINES = {"re2": Engine(ALL), "pure": Engine(ALL, pure=True)}


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cnpj 11.222.333/0001-81", "cnpj [BR_CNPJ]"),
        ("my number 123456789018", "my number [JP_MY_NUMBER]"),
        ("マイナンバー 123456789018", "マイナンバー [JP_MY_NUMBER]"),
        ("NHS 943 476 5919", "NHS [UK_NHS]"),
        ("00:1b:44:11:3a:b7 at 12:30:45", "[MAC] at 12:30:45"),
        ("ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff"),
        ("912-70-1234", "[US_ITIN]"),
        ("1EG4-TE5-MK73", "[US_MBI]"),
        ("npi 1234567893", "npi [US_NPI]"),
        ("Steuer-ID 86 095 742 719", "Steuer-ID [DE_TAX_ID]"),
        ("1 84 12 76 451 089 46", "[FR_NIR]"),
        ("184127645108946", "[FR_NIR]"),
        ("dni 12345678Z", "dni [ES_DNI]"),
        ("X1234567L", "[ES_DNI]"),
        ("RSSMRA85T10A562S", "[IT_FISCAL_CODE]"),
        ("pesel 44051401359", "pesel [PL_PESEL]"),
        ("bsn 111222333", "bsn [NL_BSN]"),
        ("85.07.30-033.28", "[BE_NATIONAL_NUMBER]"),
        ("811218-9876", "[SE_PERSONNUMMER]"),
        ("131052-308T", "[FI_HETU]"),
        ("cpr 211062-5629", "cpr [DK_CPR]"),
        ("ppsn 1234567T", "ppsn [IE_PPS]"),
        ("nif 123456789", "nif [PT_NIF]"),
        ("cnp 1800101221144", "cnp [RO_CNP]"),
        ("order 44051401359 of 111222333", "order 44051401359 of 111222333"),
    ],
)
def test_ids_of_the_regions(kind, text, expected):
    assert ENGINES[kind].text(text, "message", []) == expected


def test_a_profile_switches_its_types_on():
    assert Engine(Policy.default()).text("811218-9876", "m", []) == "811218-9876"
    assert Engine(Policy(profiles=("eu",))).text("811218-9876", "m", []) == "[SE_PERSONNUMMER]"
