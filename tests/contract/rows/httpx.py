from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import httpx

from tests.contract.pages import pages
from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, base: str, client: httpx.Client) -> None:
        self.base = base
        self.client = client

    def good(self, planted: Planted) -> object:
        answer = self.client.post(
            f"{self.base}/echo/{planted.email}",
            params={"q": planted.card, "token": planted.secret},
            headers={"Authorization": f"Bearer {planted.secret}", "X-Mail": planted.email},
            json={"text": planted.unspoken},
        )
        return answer.status_code, answer.json()

    def bad(self, planted: Planted) -> object:
        return self.client.get(f"http://127.0.0.1:9/{planted.email}?card={planted.card}")


@contextmanager
def opened(request, library: ModuleType = httpx) -> Iterator[Calls]:
    with library.Client() as client:
        yield Calls(request.getfixturevalue("serve")(pages), client)


ROW = Row(
    name="httpx",
    open=opened,
    good=[("client", "POST")],
    bad=[("client", "GET")],
    error=("httpx.ConnectError",),
)
