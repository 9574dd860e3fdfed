"""The calls of the clients of Redis and Valkey, which are the same."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

from tests.contract.row import Planted, unobserved

__all__ = ["opened_with"]


class Calls:
    def __init__(self, client: Any) -> None:
        self.client = client

    def good(self, planted: Planted) -> object:
        self.client.set(planted.email, planted.unspoken)
        with self.client.pipeline() as pipeline:
            queued = pipeline.lpush(planted.secret, planted.card).expire(planted.secret, 5)
            return self.client.get(planted.email), queued.execute()[1:]

    def bad(self, planted: Planted) -> object:
        # The client repeats the command in the message, with key and value.
        with self.client.pipeline(transaction=False) as pipeline:
            pipeline.set(planted.email, planted.unspoken).lpush(planted.email, planted.unspoken).execute()


def opened_with(make: Callable[..., Any]) -> Callable[[Any], AbstractContextManager[Calls]]:
    """What a row opens: a client that ``make`` makes."""

    @contextmanager
    def opened(request) -> Iterator[Calls]:
        server = request.getfixturevalue("redis")
        with closing(make(host=server.host, port=server.port, db=3)) as client:
            with unobserved():
                client.flushdb()
            yield Calls(client)

    return opened
