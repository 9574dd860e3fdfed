"""Sentry's EventScrubber: looks at keys only, so that the value of ``message`` always passes."""

from sentry_sdk.scrubber import EventScrubber

_scrubber = EventScrubber(recursive=True)


def redact(text):
    event = {"message": text}
    _scrubber.scrub_dict(event)
    value = event["message"]
    return value if isinstance(value, str) else "[Filtered]"


def find(text):
    return [(0, len(text), "ANY")] if redact(text) != text else []
