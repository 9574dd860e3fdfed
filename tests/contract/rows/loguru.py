from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger

from tests.contract.row import Planted, Row


class Calls:
    def __init__(self) -> None:
        self.shown: list[str] = []

    def good(self, planted: Planted) -> object:
        before = len(self.shown)
        logger.bind(card=planted.card).info("paid by {} with {}", planted.email, planted.secret)
        return self.shown[before:]

    def bad(self, planted: Planted) -> object:
        logger.info("refused {} {missing}", planted.email)


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request
    calls = Calls()
    logger.remove()
    sink = logger.add(calls.shown.append, format="{function} {message} {extra}", catch=False)
    try:
        yield calls
    finally:
        logger.remove(sink)


ROW = Row(name="loguru", open=opened, good=[], bad=[])
