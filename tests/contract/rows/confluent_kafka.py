import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import confluent_kafka
import confluent_kafka.admin

from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, producer: confluent_kafka.Producer, consumer: confluent_kafka.Consumer) -> None:
        self.producer = producer
        self.consumer = consumer

    def good(self, planted: Planted) -> object:
        self.producer.produce(
            "orders",
            value=planted.unspoken.encode(),
            key=planted.email.encode(),
            partition=0,
            headers=[("mail", planted.email.encode())],
        )
        self.producer.flush(10)
        message = self.consumer.poll(10)
        self.consumer.poll(0)  # the next poll is what ends the handling of the one before
        return message.value(), message.key(), message.error()

    def bad(self, planted: Planted) -> object:
        try:
            return self.producer.produce("orders", value=planted.unspoken.encode(), partition="first")
        except TypeError as error:  # from C, or from the subclass that stands in for it
            return str(error)


@contextmanager
def kafka() -> Iterator[str]:
    """The address of a cluster that librdkafka plays on loopback."""
    cluster = confluent_kafka.Producer(
        {"test.mock.num.brokers": 1, "bootstrap.servers": "unused", "log_level": 0}
    )
    brokers = cluster.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    del cluster


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request
    with kafka() as address:
        settings = {
            "bootstrap.servers": address,
            "log_level": 0,
            "topic.metadata.refresh.fast.interval.ms": 20,
        }
        consumer = confluent_kafka.Consumer(
            {**settings, "group.id": str(uuid.uuid4()), "fetch.wait.max.ms": 10}
        )
        producer = confluent_kafka.Producer({**settings, "linger.ms": 0})
        producer.list_topics("orders", 10)
        consumer.list_topics("orders", 10)
        consumer.assign([confluent_kafka.TopicPartition("orders", 0, 0)])
        try:
            yield Calls(producer, consumer)
        finally:
            consumer.close()


def objects() -> list[object]:
    return [confluent_kafka.Producer, confluent_kafka.Consumer]


ROW = Row(
    name="confluent-kafka",
    open=opened,
    good=[("producer", "send orders"), ("consumer", "process orders")],
    bad=[("producer", "send orders")],
    error=("TypeError",),
    objects=objects,
)
