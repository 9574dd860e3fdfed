"""scrubadub with its default detectors."""

import scrubadub

_scrubber = scrubadub.Scrubber()


def redact(text):
    return _scrubber.clean(text)


def find(text):
    return [(filth.beg, filth.end, filth.type) for filth in _scrubber.iter_filth(text)]
