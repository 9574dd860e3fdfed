"""The observable instruments: callbacks, asked once a collection, each under a guard.

A callback is a function of ``CallbackOptions`` that returns or yields ``Observation``s, or a generator that
is sent the options and yields iterables of them.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from types import CoroutineType
from typing import Any, cast

from opentelemetry.metrics import (
    CallbackOptions,
)
from opentelemetry.metrics import (
    ObservableCounter as ApiObservableCounter,
)
from opentelemetry.metrics import (
    ObservableGauge as ApiObservableGauge,
)
from opentelemetry.metrics import (
    ObservableUpDownCounter as ApiObservableUpDownCounter,
)

from traceo.metrics.asking import Round
from traceo.metrics.instruments import Instrument, Shared
from traceo.metrics.stream import Stream

__all__ = ["Observable", "ObservableCounter", "ObservableGauge", "ObservableUpDownCounter"]

# A callback that never stops yielding must not hold the pipeline for ever.
_MOST_OBSERVATIONS = 100_000


class Observable(Instrument):
    """What the observable instruments have in common."""

    __slots__ = ("_callbacks",)

    def __init__(
        self, name: str, unit: str, description: str, streams: Sequence[Stream], shared: Shared
    ) -> None:
        Instrument.__init__(self, name, unit, description, streams, shared)
        self._callbacks: list[Callable[[CallbackOptions], Any]] = []

    def watch(self, callbacks: object) -> None:
        """Ask these callbacks too."""
        if callbacks is None:
            return
        try:
            for callback in cast("Iterable[Any]", callbacks):
                if isinstance(callback, Generator):
                    callback = _started(cast("Generator[Any, Any, Any]", callback))  # noqa: PLW2901
                self._callbacks.append(callback)
        except Exception as error:
            self.failed(error)
        self._shared.start()

    def observe(self, options: CallbackOptions, sink: object, time: Round) -> None:
        """Ask the callbacks, and give what they say in time to the streams of ``sink``; never raises."""
        if self._is_off:
            return
        for callback in list(self._callbacks):
            try:
                for count, observation in enumerate(_answer(callback, options)):
                    if count >= _MOST_OBSERVATIONS:
                        raise ValueError("endless")  # noqa: TRY301  counted and told as any other failure
                    if not time.take(partial(self._take, observation, sink)):
                        return
            except Exception as error:
                self._shared.losses.count(
                    "callback", self.name, "%s: its callback failed (%s).", self.name, type(error).__name__
                )

    def _take(self, observation: Any, sink: object) -> None:
        try:
            number = self.checked(observation.value, True)  # a total may be corrected downwards
            if number is None:
                return
            attributes, context = observation.attributes, observation.context
        except AttributeError:
            self._shared.losses.count(
                "not an observation",
                self.name,
                "%s: a callback gave %s.",
                self.name,
                type(observation).__name__,
            )
            return
        for stream in self._streams:
            if stream.sink is not sink:
                continue
            stream.record(number, attributes, context)


def _answer(callback: Callable[[CallbackOptions], Any], options: CallbackOptions) -> Iterable[Any]:
    answer: object = callback(options)
    if isinstance(answer, CoroutineType):
        answer.close()  # or Python complains each time that nobody awaited it
    return cast("Iterable[Any]", answer)  # whatever it is, it is iterated under the guard


def _started(generator: Generator[Any, Any, Any]) -> Callable[[CallbackOptions], Any]:
    """A generator as a function; it waits at its first ``yield`` for the options."""
    next(generator)

    def callback(options: CallbackOptions) -> Any:
        try:
            return generator.send(options)
        except StopIteration:  # it has nothing more to say
            return ()

    return callback


class ObservableCounter(Observable):
    """A total that only grows; see ``opentelemetry.metrics.ObservableCounter``."""

    __slots__ = ()


class ObservableUpDownCounter(Observable):
    """A total that grows and shrinks; see ``opentelemetry.metrics.ObservableUpDownCounter``."""

    __slots__ = ()


class ObservableGauge(Observable):
    """A value of now; see ``opentelemetry.metrics.ObservableGauge``."""

    __slots__ = ()


ApiObservableCounter.register(ObservableCounter)
ApiObservableUpDownCounter.register(ObservableUpDownCounter)
ApiObservableGauge.register(ObservableGauge)
