"""Made-up ids and secrets with valid checksums, and the ways they stand in telemetry. Seeded; nothing here is real."""

import base64
import json
import random
import string
from collections.abc import Callable
from urllib.parse import quote

from traceo.redaction.detectors.checksums import luhn, verhoeff

__all__ = ["EMBEDDINGS", "IDS", "SECRETS", "Made"]

Made = Callable[[random.Random], str]
_ALNUM = string.ascii_letters + string.digits


def _digits(r: random.Random, count: int) -> str:
    return "".join(r.choice(string.digits) for _ in range(count))


def _pick(r: random.Random, alphabet: str, count: int) -> str:
    return "".join(r.choice(alphabet) for _ in range(count))


def _completed(body: str, valid: Callable[[str], bool]) -> str:
    return next(body + d for d in string.digits if valid(body + d))


def card(r: random.Random) -> str:
    prefix, size = r.choice(
        [("4", 16), ("52", 16), ("37", 15), ("6011", 16), ("3566", 16), ("36", 14), ("4", 13), ("2131", 15)]
    )
    number = _completed(prefix + _digits(r, size - len(prefix) - 1), luhn)
    style = r.randrange(3) if size == 16 else 0
    return (
        number
        if style == 0
        else (" " if style == 1 else "-").join(number[i : i + 4] for i in range(0, 16, 4))
    )


def iban(r: random.Random) -> str:
    country, bban = r.choice(
        [("DE", _digits(r, 18)), ("GB", _pick(r, string.ascii_uppercase, 4) + _digits(r, 14)), ("FR", _digits(r, 23)),
         ("NL", _pick(r, string.ascii_uppercase, 4) + _digits(r, 10)), ("ES", _digits(r, 20)), ("NO", _digits(r, 11))]
    )  # fmt: skip
    check = 98 - int("".join(str(int(c, 36)) for c in bban + country + "00")) % 97
    text = f"{country}{check:02d}{bban}"
    return text if r.random() < 0.6 else " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def ssn(r: random.Random) -> str:
    return (
        f"{r.choice([*range(1, 666), *range(667, 900)]):03d}-{r.randint(1, 99):02d}-{r.randint(1, 9999):04d}"
    )


def aadhaar(r: random.Random) -> str:
    number = _completed(r.choice("23456789") + _digits(r, 10), verhoeff)
    return f"{number[:4]} {number[4:8]} {number[8:]}"


def pan(r: random.Random) -> str:
    return (
        _pick(r, string.ascii_uppercase, 3)
        + r.choice("PCHFAT")
        + r.choice(string.ascii_uppercase)
        + _digits(r, 4)
        + "K"
    )


def nric(r: random.Random) -> str:
    kind, digits = r.choice("STFG"), _digits(r, 7)
    total = sum(int(d) * w for d, w in zip(digits, (2, 7, 6, 5, 4, 3, 2), strict=True)) + (
        4 if kind in "TG" else 0
    )
    return kind + digits + ("JZIHGFEDCBA" if kind in "ST" else "XWUTRQPNMLK")[total % 11]


def resident_id(r: random.Random) -> str:
    body = f"{r.choice(['110101', '310115', '440305'])}{r.randint(1950, 2008)}{r.randint(1, 12):02d}{r.randint(1, 28):02d}{_digits(r, 3)}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def cpf(r: random.Random) -> str:
    digits = _digits(r, 9)
    for _ in range(2):
        total = (
            sum(int(d) * w for d, w in zip(digits, range(len(digits) + 1, 1, -1), strict=True)) * 10 % 11 % 10
        )
        digits += str(total)
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"


def email(r: random.Random) -> str:
    name = r.choice(["ada", "li.wei", "o.brien", "maria_silva", "k+news", "j-p.dupont", "x99"])
    return f"{name}{r.randint(1, 999)}@{r.choice(['example.com', 'mail.example.co.uk', 'post.example.de', '163.com', 'uni.example.edu'])}"


def phone(r: random.Random) -> str:
    return r.choice(
        [f"+1 {r.randint(201, 989)}-{r.randint(200, 999)}-{_digits(r, 4)}", f"({r.randint(201, 989)}) {r.randint(200, 999)}-{_digits(r, 4)}",
         f"+44 20 7{_digits(r, 3)} {_digits(r, 4)}", f"+91 9{_digits(r, 4)} {_digits(r, 5)}", f"+49 30 {_digits(r, 7)}",
         f"+65 8{_digits(r, 3)} {_digits(r, 4)}", f"+86 138 {_digits(r, 4)} {_digits(r, 4)}", f"+5511 9{_digits(r, 4)}-{_digits(r, 4)}"]
    )  # fmt: skip


def address(r: random.Random) -> str:
    return f"{r.choice([8, 81, 86, 106, 151, 185, 212])}.{r.randint(1, 250)}.{r.randint(1, 250)}.{r.randint(1, 250)}"


IDS: dict[str, tuple[Made, str]] = {
    "EMAIL": (email, "email"), "PHONE": (phone, "phone"), "CREDIT_CARD": (card, "card_number"), "IBAN": (iban, "iban"),
    "IP": (address, "client_ip"), "US_SSN": (ssn, "ssn"), "IN_AADHAAR": (aadhaar, "aadhaar"), "IN_PAN": (pan, "pan"),
    "SG_NRIC": (nric, "nric"), "CN_RESIDENT_ID": (resident_id, "id_card"), "BR_CPF": (cpf, "cpf"),
}  # fmt: skip


def _jwt(r: random.Random) -> str:
    parts = [
        {"alg": "HS256", "typ": "JWT"},
        {"sub": str(r.randint(1, 10**9)), "iat": 1_700_000_000 + r.randint(0, 10**7)},
    ]
    head = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*head, _pick(r, _ALNUM + "_-", 43)])


def _pem(r: random.Random) -> str:
    kind = r.choice(["RSA ", "EC ", "", "OPENSSH "])
    body = "\n".join(_pick(r, _ALNUM + "+/", 64) for _ in range(4))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


def _made(prefix: str, alphabet: str, count: int) -> Made:
    return lambda r: prefix + _pick(r, alphabet, count)


_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits
SECRETS: dict[str, Made] = {
    "jwt": _jwt, "private key": _pem, "aws": _made("AKIA", _UPPER, 16), "github": _made("ghp_", _ALNUM, 36),
    "github fine": _made("github_pat_", _ALNUM + "_", 82), "gitlab": _made("glpat-", _ALNUM + "_-", 20),
    "slack": lambda r: f"xoxb-{_digits(r, 12)}-{_digits(r, 12)}-{_pick(r, _ALNUM, 24)}",
    "stripe": _made("sk_live_", _ALNUM, 24), "google": _made("AIza", _ALNUM + "_-", 35),
    "openai": _made("sk-proj-", _ALNUM + "_-", 48), "anthropic": _made("sk-ant-api03-", _ALNUM + "_-", 93),
    "npm": _made("npm_", _ALNUM, 36), "pypi": _made("pypi-AgEIcHlwaS5vcmc", _ALNUM + "_-", 60),
    "sendgrid": lambda r: f"SG.{_pick(r, _ALNUM, 22)}.{_pick(r, _ALNUM, 43)}", "twilio": _made("SK", _HEX, 32),
    "digitalocean": _made("dop_v1_", _HEX, 64), "hugging face": _made("hf_", string.ascii_letters, 34),
    "telegram": lambda r: f"{_digits(r, 10)}:AA{_pick(r, _ALNUM + '_-', 33)}",
    "url credentials": lambda r: f"postgresql://app:{_pick(r, _ALNUM + '!$^*', 14)}@db.internal:5432/shop",
    "bearer": lambda r: f"Bearer {_pick(r, _ALNUM + '-_.', 40)}",
    "basic": lambda r: "Basic " + base64.b64encode(f"user:{_pick(r, _ALNUM, 12)}".encode()).decode(),
    "password": lambda r: f"password={_pick(r, _ALNUM + '!#$%*', 12)}", "secret json": lambda r: f'{{"client_secret": "{_pick(r, _ALNUM, 32)}"}}',
    "aws secret": lambda r: f"aws_secret_access_key = {_pick(r, _ALNUM + '/+', 40)}", "api key": lambda r: f"X-Api-Key: {_pick(r, _ALNUM, 32)}",
    "azure": lambda r: f"AccountName=shop;AccountKey={_pick(r, _ALNUM + '+/', 86)}==;EndpointSuffix=core",
}  # fmt: skip

# How a value stands in a text; {k} is a key that names its type. Those without {k} rely on the format alone.
EMBEDDINGS: tuple[Callable[[str, str], str], ...] = (
    lambda v, k: f"{k}={v}",
    lambda v, k: f"{k}: {v}",
    lambda v, k: json.dumps({"id": 7, k: v, "ok": True}),
    lambda v, k: "payload " + json.dumps(json.dumps({k: v})),
    lambda v, k: f"https://shop.example.com/customers/find?page=2&{k}={quote(v)}",
    lambda v, k: f"ValueError: no customer for {k} {v} in region eu-1",
    lambda v, k: f"INSERT INTO customers ({k}) VALUES ('{v}')",
    lambda v, k: (
        f'Traceback (most recent call last):\n  File "/app/shop.py", line 12, in buy\nKeyError: "{k} {v}"'
    ),
    lambda v, k: base64.b64encode(json.dumps({"n": 1, k: v}).encode()).decode(),
    lambda v, k: f"2026-11-24 03:07:33,418 WARNING shop.checkout [{k}={v}] rejected after 12 ms",
)
