import io
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from tests.contract.row import Planted, Row


class Calls:
    def __init__(self) -> None:
        self.out = io.StringIO()
        self.log = structlog.wrap_logger(
            structlog.PrintLogger(self.out),
            processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer(default=None)],
        )

    def good(self, planted: Planted) -> object:
        with self.shown() as shown:
            event = f"paid by {planted.email}"
            self.log.bind(card=planted.card).info(event, token=planted.secret)
        return shown()

    def bad(self, planted: Planted) -> object:
        self.log.info("refused", mail=planted.email, value=object())  # which no JSON has

    @contextmanager
    def shown(self):
        start = self.out.tell()
        yield lambda: self.out.getvalue()[start:]


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request
    yield Calls()


ROW = Row(name="structlog", open=opened, good=[], bad=[])
