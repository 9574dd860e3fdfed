import os
import threading

import pytest

from traceo.native import wait
from traceo.pipeline.deep import Deep
from traceo.redaction import Policy
from traceo.redaction.policy import Action
from traceo.redaction.spans import Span


class Names:
    """Finds the names it was given, and does what a text asks for."""

    def __init__(self):
        self.gate = threading.Event()
        self.looked_at = []

    def find(self, text):
        self.looked_at.append(text)
        if text.startswith("slow"):
            self.gate.wait(30)
        if text.startswith("fail"):
            raise ValueError(f"cannot look at {text}")
        start = text.find("Ada")
        return [Span(start, start + 3, "NAME", "NAME")] if start >= 0 else []


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def deep_with(names, *, policy=None, budget_s=5.0, clock=None):
    deep = Deep(
        lambda: names, policy or Policy.default(), budget_s=budget_s, **({"clock": clock} if clock else {})
    )
    assert wait(deep.loaded, 10)
    return deep


def look(deep, text):
    hits = []
    return deep.text(text, hits), hits


@pytest.fixture
def names():
    names = Names()
    yield names
    names.gate.set()


def test_what_is_found_is_replaced_as_the_policy_says(names):
    deep = deep_with(names)
    assert look(deep, "parcel for Ada") == ("parcel for [NAME]", ["NAME"])
    assert deep.note == ""
    kept = deep_with(names, policy=Policy(entities=(("NAME", Action.KEEP),)))
    assert look(kept, "parcel for Ada") == ("parcel for Ada", [])


def test_a_clean_text_is_the_same_object_and_looked_at_once(names):
    deep = deep_with(names)
    text = "leave it at the door"
    assert look(deep, text)[0] is text
    assert look(deep, text)[0] is text
    assert names.looked_at == [text]


def test_until_it_is_loaded_values_are_masked_whole(names):
    gate = threading.Event()

    def load():
        gate.wait(30)
        return names

    deep = Deep(load, Policy.default(), budget_s=5.0)
    assert look(deep, "leave it at the door") == ("[REDACTED]", ["deep:loading"])
    assert deep.note == "deep_keys are masked whole until presidio is loaded"
    gate.set()
    assert wait(deep.loaded, 10)
    assert look(deep, "leave it at the door") == ("leave it at the door", [])


def test_what_cannot_be_loaded_masks_everything_and_says_so_without_the_message():
    def load():
        raise ImportError("secret path")

    deep = Deep(load, Policy.default(), budget_s=5.0)
    assert wait(deep.loaded, 10)
    assert look(deep, "leave it at the door") == ("[REDACTED]", ["deep:unavailable"])
    assert deep.note == "deep_keys are masked whole: presidio could not be started (ImportError)"


def test_a_look_that_takes_too_long_masks_the_value_and_the_rest_of_the_batch(names):
    deep = deep_with(names, budget_s=0.05)
    assert look(deep, "slow one") == ("[REDACTED]", ["deep:over_budget"])
    assert look(deep, "for Ada") == ("[REDACTED]", ["deep:over_budget"])
    deep.begin()
    assert look(deep, "for Ada") == ("[REDACTED]", ["deep:busy"]), "the thread is still at it"
    names.gate.set()
    stuck = deep._look
    assert wait(stuck.done, 10)
    deep.begin()
    assert look(deep, "for Ada")[1] in (["NAME"], ["deep:over_budget"])
    assert "slow one" not in repr(vars(deep))


def test_three_failures_in_a_row_open_the_breaker_for_half_a_minute(names):
    clock = Clock()
    deep = deep_with(names, clock=clock)
    assert [look(deep, f"fail {i}") for i in range(3)] == [("[REDACTED]", ["deep:error"])] * 3
    assert look(deep, "for Ada") == ("[REDACTED]", ["deep:breaker"])
    assert deep.note == "deep_keys are masked whole for now: presidio failed or was too slow"
    assert names.looked_at == ["fail 0", "fail 1", "fail 2"]
    clock.now += 31
    assert look(deep, "for Ada") == ("for [NAME]", ["NAME"])


def test_a_success_in_between_keeps_the_breaker_shut(names):
    deep = deep_with(names)
    for i in range(5):
        look(deep, f"fail {i}")
        look(deep, f"for Ada {i}")
    assert look(deep, "for Ada") == ("for [NAME]", ["NAME"])


def test_a_forked_child_looks_with_a_thread_of_its_own(names):
    deep = deep_with(names)
    look(deep, "for Ada")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, look(deep, "and Ada")[0].encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"and [NAME]"
    os.close(read)
    os.close(write)
