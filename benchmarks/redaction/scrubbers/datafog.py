"""datafog's pattern engine, its default."""

import datafog


def redact(text):
    return datafog.redact(text).redacted_text


def find(text):
    return [(entity.start, entity.end, entity.type) for entity in datafog.scan(text).entities]
