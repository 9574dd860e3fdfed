from collections.abc import Iterator
from contextlib import contextmanager

import pymongo
import pymongo.monitoring

from tests.contract.mongo import mongo
from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, client: pymongo.MongoClient) -> None:
        self.people = client.shop.people
        self.locked = client.shop.locked

    def good(self, planted: Planted) -> object:
        self.people.insert_one({"mail": planted.email, "card": planted.card, "text": planted.unspoken})
        return self.people.find_one({"mail": planted.email})["text"]

    def bad(self, planted: Planted) -> object:
        return self.locked.find_one(
            {"mail": planted.email, "token": planted.secret, "text": planted.unspoken}
        )


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request
    with mongo() as (host, port), pymongo.MongoClient(host, port, serverMonitoringMode="poll") as client:
        yield Calls(client)


def objects() -> list[object]:
    return [tuple(pymongo.monitoring._LISTENERS.command_listeners)]


ROW = Row(
    name="pymongo",
    open=opened,
    good=[("client", "insert people"), ("client", "find people")],
    bad=[("client", "find locked")],
    error=("Unauthorized",),
    objects=objects,
)
