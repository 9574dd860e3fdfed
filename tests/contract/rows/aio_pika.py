import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aio_pika
import aio_pika.exchange
import aio_pika.queue

from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, loop: asyncio.AbstractEventLoop, url: str) -> None:
        self.loop = loop
        self.url = url

    def good(self, planted: Planted) -> object:
        return self.run(self._good(planted))

    def bad(self, planted: Planted) -> object:
        return self.run(self._bad(planted))

    def run(self, call) -> object:
        return asyncio.run_coroutine_threadsafe(call, self.loop).result(20)

    async def start(self) -> None:
        self.connection = await aio_pika.connect(self.url)
        channel = await self.connection.channel(on_return_raises=True)
        self.exchange = await channel.declare_exchange("shop", auto_delete=True)
        self.handled: asyncio.Queue = asyncio.Queue()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(self.exchange, "orders")
        await queue.consume(self._handle, no_ack=True)

    async def _handle(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        await self.handled.put(message)

    async def _good(self, planted: Planted) -> object:
        message = aio_pika.Message(planted.unspoken.encode(), headers={"mail": planted.email})
        await self.exchange.publish(message, "orders")
        received = await asyncio.wait_for(self.handled.get(), 10)
        await asyncio.sleep(0)  # the handler's task ends
        return received.body, received.headers["mail"]

    async def _bad(self, planted: Planted) -> object:
        message = aio_pika.Message(planted.unspoken.encode(), headers={"mail": planted.email})
        await self.exchange.publish(message, "nobody's")


@contextmanager
def opened(request) -> Iterator[Calls]:
    address = request.getfixturevalue("rabbitmq")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    calls = Calls(loop, f"amqp://{address.user}:{address.password}@{address.host}:{address.port}/")
    calls.run(calls.start())
    try:
        yield calls
    finally:
        calls.run(calls.connection.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def objects() -> list[object]:
    return [vars(aio_pika.queue.Queue)["consume"], vars(aio_pika.exchange.Exchange)["publish"]]


ROW = Row(
    name="aio-pika",
    open=opened,
    good=[("producer", "send shop"), ("consumer", "receive shop")],
    bad=[("producer", "send shop")],
    error=("aiormq.exceptions.PublishError",),
    is_server=True,  # messages are handled in a task of their own
    objects=objects,
)
