"""How much a span may hold: the OpenTelemetry limits and their ``OTEL_*`` variables."""

import os

__all__ = ["SpanLimits"]

_DEFAULT_COUNT = 128


class SpanLimits:
    """Limits of spans, events and links; ``None`` in an attribute means unlimited.

    An argument is a non-negative int, ``None`` (take the ``OTEL_*`` variable, else the default) or
    ``SpanLimits.UNSET`` (no limit). A limit made for spans, events or links wins over the general one.
    Counts default to 128, lengths (in characters) to unlimited. A wrong number raises ValueError naming
    the variable.

    >>> SpanLimits(max_span_attributes=2).max_span_attributes
    2
    """

    UNSET = -1

    def __init__(
        self,
        max_attributes: int | None = None,
        max_events: int | None = None,
        max_links: int | None = None,
        max_span_attributes: int | None = None,
        max_event_attributes: int | None = None,
        max_link_attributes: int | None = None,
        max_attribute_length: int | None = None,
        max_span_attribute_length: int | None = None,
    ) -> None:
        self.max_events = _limit(max_events, "OTEL_SPAN_EVENT_COUNT_LIMIT", _DEFAULT_COUNT)
        self.max_links = _limit(max_links, "OTEL_SPAN_LINK_COUNT_LIMIT", _DEFAULT_COUNT)
        general = _limit(max_attributes, "OTEL_ATTRIBUTE_COUNT_LIMIT", None)
        count = _DEFAULT_COUNT if general is None else general
        self.max_attributes = count
        self.max_span_attributes = _limit(max_span_attributes, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", count)
        self.max_event_attributes = _limit(max_event_attributes, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", count)
        self.max_link_attributes = _limit(max_link_attributes, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", count)
        self.max_attribute_length = _limit(max_attribute_length, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", None)
        self.max_span_attribute_length = _limit(
            max_span_attribute_length, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", self.max_attribute_length
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(max_span_attributes={self.max_span_attributes}, "
            f"max_events_attributes={self.max_event_attributes}, "
            f"max_link_attributes={self.max_link_attributes}, max_attributes={self.max_attributes}, "
            f"max_events={self.max_events}, max_links={self.max_links}, "
            f"max_attribute_length={self.max_attribute_length})"
        )


def _limit(value: int | None, variable: str, default: int | None) -> int | None:
    if value == SpanLimits.UNSET:
        return None
    if value is None:
        text = os.environ.get(variable)
        if text is None:
            return default
        text = text.strip().lower()
        if not text:
            return None
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"{variable} must be a non-negative integer but got {text}") from None
    if value < 0:
        raise ValueError(f"{variable} must be a non-negative integer but got {value}")
    return value
