from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.contract.pages import pages
from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, base: str) -> None:
        self.base = base

    def good(self, planted: Planted) -> object:
        answer = requests.post(
            f"{self.base.replace('://', f'://ada:{planted.secret}@')}/echo/{planted.email}",
            params={"q": planted.card, "token": planted.secret},
            headers={"X-Mail": planted.email},
            json={"text": planted.unspoken},
            timeout=10,
        )
        return answer.status_code, answer.json()

    def bad(self, planted: Planted) -> object:
        return requests.get(f"http://127.0.0.1:9/{planted.email}?card={planted.card}", timeout=10).text


@contextmanager
def opened(request) -> Iterator[Calls]:
    yield Calls(request.getfixturevalue("serve")(pages))


ROWS = [
    Row(
        name="requests",
        open=opened,
        good=[("client", "POST")],
        bad=[("client", "GET")],
        error=("requests.exceptions.ConnectionError",),
    ),
    Row(
        name="requests",
        open=opened,
        good=[("client", "POST")],
        bad=[("client", "GET")],
        error=("urllib3.exceptions.NewConnectionError",),
        also=("urllib3",),
    ),
]
