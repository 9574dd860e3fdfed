"""What the rows of web frameworks have in common: a client that nobody observes, and what it plants."""

import http.client
from urllib.parse import quote, urlsplit

from tests.contract.row import Planted

__all__ = ["Requests"]


class Requests:
    """Requests to a shop at ``base`` with ``/users/{}`` and ``/fail/{}``.

    The client is the standard library's: it has no row, and its spans would come between.
    """

    def __init__(self, base: str) -> None:
        self.address = urlsplit(base)

    def good(self, planted: Planted) -> object:
        return self._ask(planted, "users")

    def bad(self, planted: Planted) -> object:
        return self._ask(planted, "fail")

    def _ask(self, planted: Planted, place: str) -> object:
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=10)
        try:
            connection.request(
                "POST",
                f"/{place}/{quote(planted.email)}?q={planted.card}&token={planted.secret}",
                body=planted.unspoken,
                headers={
                    "Authorization": f"Bearer {planted.secret}",
                    "Cookie": f"session={planted.unspoken}",
                    "User-Agent": f"mail {planted.email}",
                    "X-Mail": planted.email,
                },
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
