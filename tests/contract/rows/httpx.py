from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import httpx

from tests.contract.pages import pages
from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, base: str, library: ModuleType = httpx) -> None:
        self.base = base
        self.library = library

    def good(self, planted: Planted) -> object:
        with self.library.Client() as client:
            answer = client.post(
                f"{self.base}/echo/{planted.email}",
                params={"q": planted.card, "token": planted.secret},
                headers={"Authorization": f"Bearer {planted.secret}", "X-Mail": planted.email},
                json={"text": planted.unspoken},
            )
        return answer.status_code, answer.json()

    def bad(self, planted: Planted) -> object:
        with self.library.Client() as client:
            return client.get(f"http://127.0.0.1:9/{planted.email}?card={planted.card}")


@contextmanager
def opened(request) -> Iterator[Calls]:
    yield Calls(request.getfixturevalue("serve")(pages))


ROW = Row(
    name="httpx",
    open=opened,
    good=[("client", "POST")],
    bad=[("client", "GET")],
    error=("httpx.ConnectError",),
)
