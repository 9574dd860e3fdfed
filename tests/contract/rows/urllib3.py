import json
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3

from tests.contract.pages import pages
from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, base: str, pool: urllib3.PoolManager) -> None:
        self.base = base
        self.pool = pool

    def good(self, planted: Planted) -> object:
        answer = self.pool.request(
            "POST",
            f"{self.base}/echo/{planted.email}?q={planted.card}&token={planted.secret}",
            headers={"Authorization": f"Bearer {planted.secret}", "X-Mail": planted.email},
            body=json.dumps({"text": planted.unspoken}),
        )
        return answer.status, answer.json()

    def bad(self, planted: Planted) -> object:
        url = f"http://127.0.0.1:9/{planted.email}?card={planted.card}"
        return self.pool.request("GET", url, retries=urllib3.Retry(0)).data


@contextmanager
def opened(request) -> Iterator[Calls]:
    base = request.getfixturevalue("serve")(pages)
    pool = urllib3.PoolManager()
    yield Calls(base, pool)
    pool.clear()


ROW = Row(
    name="urllib3",
    open=opened,
    good=[("client", "POST")],
    bad=[("client", "GET")],
    error=("urllib3.exceptions.NewConnectionError",),
)
