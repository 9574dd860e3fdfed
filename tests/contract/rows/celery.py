from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery
from celery.worker.request import Request

from tests.contract.row import Planted, Row


class Calls:
    """The producer and, as a pool without processes or threads has it, the worker of the same message."""

    def __init__(self) -> None:
        self.app = app = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
        app.conf.update(task_default_queue="contract", task_publish_retry=False)

        @app.task(name="shop.charge", shared=False)
        def charge(mail, card, text):
            return len(mail), len(card), len(text)

        @app.task(name="shop.refuse", shared=False)
        def refuse(mail, card, text):
            del text
            raise ValueError(f"{mail} may not pay with {card}")

    def run(self, name: str, planted: Planted) -> object:
        result = self.app.send_task(name, (planted.email,), {"card": planted.card, "text": planted.unspoken})
        with self.app.connection_for_read() as connection:
            message = connection.SimpleQueue("contract").get(timeout=5)
            message.ack()
            Request(message, app=self.app, hostname="here").execute()
        return result.get(timeout=5)

    def good(self, planted: Planted) -> object:
        return self.run("shop.charge", planted)

    def bad(self, planted: Planted) -> object:
        return self.run("shop.refuse", planted)


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request
    yield Calls()


ROW = Row(
    name="celery",
    open=opened,
    good=[("producer", "send shop.charge"), ("consumer", "process shop.charge")],
    bad=[("producer", "send shop.refuse"), ("consumer", "process shop.refuse")],
    error=("ValueError",),
)
