import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aiokafka
import aiokafka.errors

from tests.contract.row import Planted, Row
from tests.contract.rows.confluent_kafka import kafka


class Calls:
    def __init__(self, loop: asyncio.AbstractEventLoop, address: str) -> None:
        self.loop = loop
        self.address = address

    def good(self, planted: Planted) -> object:
        return self._run(self._good(planted))

    def bad(self, planted: Planted) -> object:
        return self._run(self._bad(planted))

    def _run(self, call) -> object:
        return asyncio.run_coroutine_threadsafe(call, self.loop).result(20)

    async def start(self) -> None:
        self.producer = aiokafka.AIOKafkaProducer(bootstrap_servers=self.address)
        await self.producer.start()
        self.consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=self.address, fetch_max_wait_ms=10)
        await self.consumer.start()
        partition = aiokafka.TopicPartition("orders", 0)
        await self.producer.partitions_for("orders")
        self.consumer.assign([partition])
        await self.consumer.seek_to_end(partition)

    async def stop(self) -> None:
        await self.consumer.stop()
        await self.producer.stop()

    async def _good(self, planted: Planted) -> object:
        await self.producer.send_and_wait(
            "orders",
            planted.unspoken.encode(),
            key=planted.email.encode(),
            partition=0,
            headers=[("mail", planted.email.encode())],
        )
        message = await self.consumer.getone()
        return message.value, message.key

    async def _bad(self, planted: Planted) -> object:
        await self.producer.send("orders", "text, not bytes, of " + planted.email, partition=0)


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request
    with kafka() as address:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        calls = Calls(loop, address)
        calls._run(calls.start())
        try:
            yield calls
        finally:
            calls._run(calls.stop())
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()


def objects() -> list[object]:
    return [
        vars(aiokafka.AIOKafkaProducer)["send"],
        vars(aiokafka.AIOKafkaConsumer)["getone"],
        vars(aiokafka.AIOKafkaConsumer)["getmany"],
    ]


ROW = Row(
    name="aiokafka",
    open=opened,
    good=[("producer", "send orders"), ("consumer", "receive orders")],
    bad=[("producer", "send orders")],
    error=(),  # its instrumentation ends the span before it sends
    objects=objects,
)
