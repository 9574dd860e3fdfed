import random
import sys
from pathlib import Path

import pytest

from traceo.redaction import Engine, Policy

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "redaction"))

_ENGINES = {}


@pytest.fixture(params=["re2", "pure"])
def engine(request):
    """One engine with RE2 and one without: both must find the same."""
    return engine_for(request.param)


def engine_for(kind):
    if kind not in _ENGINES:
        _ENGINES[kind] = Engine(Policy.default(), pure=kind == "pure")
    return _ENGINES[kind]


@pytest.fixture
def rng():
    return random.Random(7)
