"""Calls that a library refuses."""

from traceo.instrumentation.guard import failures

__all__ = ["assert_refused_alike"]


def assert_refused_alike(hook, name, outcome):
    """What ``outcome()`` gives is the same with the hook ``name`` in place, and is no failure of ours."""
    plain = outcome()
    before = failures()
    hook(name)
    assert outcome() == plain
    assert failures() == before
