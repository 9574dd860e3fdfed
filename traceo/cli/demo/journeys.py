"""What one customer does in the shop, and which values that puts where.

Every place is one where values really end up: in URLs (plain and percent-encoded), in headers, in JSON
bodies that the shop logs, in SQL text and parameters, in exception messages, as integers, as JSON in text.

Names and street addresses are planted only where a key tells what they are (``"name": …``, ``?name=…``): that
is how they are recognised. Nothing promises to find a name in the middle of a sentence, so none is planted
there. Everything else is also planted in running text.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Final
from urllib.parse import quote, quote_plus

from traceo.cli.demo import numbers, secrets
from traceo.cli.demo.ledger import HEADER, PARAMETER, Ledger
from traceo.cli.demo.persons import Person

__all__ = ["Answer", "Browser", "Journey"]

Answer = Mapping[str, object]
_LOGGED: Final = "JSON body in a log line"
_NESTED: Final = "JSON in a string in a log line"
_SHELF: Final = ("TEA-01", "TEA-02", "CUP-01", "POT-01", "TIN-01")


class Browser:
    """A keep-alive connection to the shop that writes exactly the path it is given; one thread's own."""

    def __init__(self, port: int, before: Callable[[], None]) -> None:
        """Requests go to ``127.0.0.1:port``; ``before`` is called ahead of each (it may wait)."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._before = before
        self.requests = 0

    def send(
        self, method: str, path: str, *, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send it; the answer's JSON object, empty when the answer is none.

        Raises:
            OSError: the shop does not answer.
        """
        self._before()
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        sent = dict(headers or {}) | ({"Content-Type": "application/json"} if content else {})
        self._connection.request(method, path, body=content, headers=sent)
        with self._connection.getresponse() as response:
            answer = response.read()
            if response.status >= 500:
                self._connection.close()  # so does the server, whatever it says about keeping alive
        self.requests += 1
        if not answer.startswith(b"{"):
            return {}
        return json.loads(answer)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Journey:
    """One customer's visit: some fifteen requests that carry some thirty values."""

    def __init__(self, browser: Browser, ledger: Ledger, person: Person, random: Random) -> None:
        self._browser = browser
        self._plant = ledger.plant
        self._person = person
        self._random = random
        self._headers = {"X-Forwarded-For": self._plant("IP", person.ip, HEADER, "client address")}

    def run(self) -> None:
        """All of it, in an order that makes sense."""
        customer = self._register()
        self._log_in()
        self._browse()
        for _ in range(2):
            self._send("POST", f"/carts/{customer}/items", {"sku": self._random.choice(_SHELF)})
        order = self._check_out(customer)
        self._open_profile()
        self._prove_identity(customer)
        self._ask_support(customer)
        self._call_webhook()
        self._knock_at_the_back_office()
        self._set_up_partner()
        self._refund(order, strict=False)
        self._refund(order, strict=True)

    def _register(self) -> object:
        person, plant = self._person, self._plant
        document = person.document
        body = {
            "name": plant("NAME", person.name, _LOGGED, PARAMETER),
            "email": plant("EMAIL", person.email, _LOGGED, PARAMETER),
            "phone": plant("PHONE", person.phone, _LOGGED, PARAMETER),
            "address": {
                "street": plant("ADDRESS", person.street, _LOGGED, PARAMETER),
                "city": person.city,
                "country": person.country,
            },
            "password": plant("PASSWORD", person.password, _LOGGED),
            "national_id": {document.key: plant(document.kind, document.number, _LOGGED, PARAMETER)},
        }
        return self._send("POST", "/customers", body)["id"]

    def _log_in(self) -> None:
        person = self._person
        mistyped = self._plant("PASSWORD", secrets.password(self._random), "text in a log line")
        self._plant("EMAIL", person.email, "text in a log line", "log attribute", PARAMETER)
        self._plant("IP", person.ip, "text in a log line", "log attribute")
        self._send("POST", "/login", {"email": person.email, "password": mistyped})
        answer = self._send("POST", "/login", {"email": person.email, "password": person.password})
        self._plant("JWT", str(answer["token"]), "log attribute")

    def _browse(self) -> None:
        other, phone = self._another_email(), numbers.phone(self._random)
        self._send("GET", "/products?q=tea&page=1")
        self._plant("EMAIL", other, "URL query, percent-encoded", "text in a log line", PARAMETER)
        self._send("GET", f"/products?q={quote(other, safe='')}")
        self._plant("PHONE", phone, "URL query, percent-encoded", "text in a log line", PARAMETER)
        self._send("GET", f"/products?q={quote_plus(phone)}")
        plain = self._plant("EMAIL", self._another_email(), "URL query")
        self._send("GET", f"/products?q=cup&notify={plain}")

    def _check_out(self, customer: object) -> object:
        person, plant = self._person, self._plant
        contact = plant("EMAIL", self._another_email(), "SQL literal", _NESTED, "metric attribute", PARAMETER)
        payment: dict[str, object] = {"holder": plant("NAME", person.name, _NESTED, "log attribute")}
        if self._random.random() < 0.3:
            iban = plant("IBAN", numbers.iban(self._random, spaced=False), "URL path", _NESTED, PARAMETER)
            payment["iban"] = plant("IBAN", iban, "text in a log line")
        else:
            number = numbers.card(self._random)
            as_integer = "integer in a log attribute", "integer in a span attribute"
            payment["card_number"] = plant("CREDIT_CARD", number, _NESTED, *as_integer, PARAMETER)
        shipping = {
            "name": plant("NAME", person.name, _LOGGED, _NESTED),
            "street": plant("ADDRESS", person.street, _LOGGED, _NESTED),
            "city": person.city,
        }
        body = {"customer_id": customer, "contact": contact, "payment": payment, "shipping": shipping}
        return self._send("POST", "/checkout", body)["order"]

    def _open_profile(self) -> None:
        email = self._plant("EMAIL", self._person.email, "URL path", "SQL literal", "text in a log line")
        safe = self._random.choice(("", "@"))
        self._send("GET", f"/customers/{quote(email, safe=safe)}/profile")

    def _prove_identity(self, customer: object) -> None:
        kind, key, make = self._random.choice(numbers.DOCUMENTS)
        number = self._plant(kind, make(self._random), "URL query", "log attribute")
        self._plant("NAME", self._person.name, "URL query, percent-encoded", PARAMETER)
        body = {"country": self._person.country, key: number}
        self._send("POST", f"/customers/{customer}/identity", body)

    def _ask_support(self, customer: object) -> None:
        kind, _, make = self._random.choice(numbers.DOCUMENTS)
        words = {
            "US_SSN": "my social security number is",
            "IN_AADHAAR": "my Aadhaar is",
            "IN_PAN": "my PAN is",
            "SG_NRIC": "NRIC",
            "CN_RESIDENT_ID": "resident identity card",
            "BR_CPF": "meu CPF é",
        }[kind]
        prose = "text in a log line", _NESTED
        message = (
            f"Hello, the parcel of {self._plant('EMAIL', self._another_email(), *prose)} did not come. "
            f"Call me at {self._plant('PHONE', numbers.phone(self._random), *prose)}; "
            f"{words} {self._plant(kind, make(self._random), *prose)}. "
            f"Please pay back to {self._plant('IBAN', numbers.iban(self._random), *prose)} "
            f"or to my card {self._plant('CREDIT_CARD', numbers.card(self._random), *prose)}."
        )
        self._send("POST", "/support", {"customer_id": customer, "subject": "parcel", "message": message})

    def _call_webhook(self) -> None:
        token = self._plant("API_KEY", secrets.api_key(self._random), "URL query", "text in a log line")
        signed = secrets.jwt(self._random, self._person.email)
        payload = {
            "event": "delivery",
            "recipient": {
                "email": self._plant("EMAIL", self._another_email(), _LOGGED),
                "phone": self._plant("PHONE", numbers.phone(self._random), _LOGGED),
            },
            "client_ip": self._plant("IP", numbers.ip(self._random), _LOGGED),
            "signature": self._plant("JWT", signed, _LOGGED),
        }
        self._send("POST", f"/webhooks/parcel?token={quote(token, safe='')}", payload)

    def _knock_at_the_back_office(self) -> None:
        logged = HEADER, "headers in a log line"
        if self._random.random() < 0.5:
            secret = self._plant("PASSWORD", secrets.password(self._random), *logged)
            credentials = self._plant("BASIC_CREDENTIALS", secrets.basic("admin", secret), *logged)
            authorization = f"Basic {credentials}"
        else:
            authorization = f"Bearer {self._plant('BEARER_TOKEN', secrets.bearer(self._random), *logged)}"
        session = self._plant("COOKIE", secrets.session_id(self._random), *logged)
        headers = {
            "Authorization": authorization,
            "Cookie": f"theme=dark; session={session}",
            "X-Api-Key": self._plant("API_KEY", secrets.api_key(self._random), *logged),
        }
        self._plant("IP", self._person.ip, "headers in a log line")
        self._send("GET", "/admin/export", headers=headers)

    def _set_up_partner(self) -> None:
        url, secret = secrets.database_url(self._random)
        self._plant("URL_CREDENTIALS", secret, "log attribute", "text in a log line")
        key = self._plant("API_KEY", secrets.api_key(self._random), "log attribute")
        settings = {"api_key": key, "database_url": url}
        if self._random.random() < 0.5:
            block = self._plant(
                "PRIVATE_KEY", secrets.private_key(self._random), "log attribute", "text in a log line"
            )
            settings["private_key"] = block
        self._send("PUT", f"/partners/carrier-{self._random.randint(1, 9)}", settings)

    def _refund(self, order: object, *, strict: bool) -> None:
        places = "SQL literal", "exception message", "text in a log line"
        body: dict[str, object] = {"email": self._plant("EMAIL", self._another_email(), *places[1:])}
        if self._random.random() < 0.5:
            body["iban"] = self._plant("IBAN", numbers.iban(self._random, spaced=False), *places)
        else:
            number = self._plant("CREDIT_CARD", numbers.card(self._random, spaced=False), *places)
            body["card_number"] = int(number)
        self._send("POST", f"/orders/{order}/refund", body | {"strict": strict})

    def _another_email(self) -> str:
        number = self._random.randrange(10**6)
        return f"{self._random.choice(('info', 'anna', 'r.sharma', 'li.wei', 'joao'))}.{number}@example.org"

    def _send(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return self._browser.send(method, path, body=body, headers={**self._headers, **(headers or {})})
