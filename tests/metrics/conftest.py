import logging

import pytest

from traceo.metrics import MeterProvider

SECOND = 1_000_000_000


class FakeClock:
    """Unix nanoseconds that only move when told."""

    def __init__(self):
        self.now = 1_000 * SECOND

    def __call__(self):
        return self.now

    def tick(self, seconds=1):
        self.now += seconds * SECOND


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def provider(clock):
    return MeterProvider(clock=clock)


@pytest.fixture
def meter(provider):
    return provider.get_meter("shop")


@pytest.fixture
def warnings(caplog):
    """What was logged under "traceo", as text."""
    caplog.set_level(logging.WARNING, logger="traceo")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "traceo"]


def points(provider):
    """All points of one collection, by the name of their metric."""
    return {metric.name: list(metric.points) for metric in provider.collect()}


def values(provider):
    """Values of number points by metric name and attributes."""
    return {
        metric.name: {tuple(sorted(point.attributes.items())): point.value for point in metric.points}
        for metric in provider.collect()
    }


@pytest.fixture
def collected(provider):
    return lambda: values(provider)
