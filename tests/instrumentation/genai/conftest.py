from collections.abc import Iterator

import pytest

from tests.instrumentation.conftest import serving
from tests.instrumentation.genai.models import Models


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Models, str]]:
    """One server for all tests of a file: starting and stopping one takes longer than a test."""
    models = Models()
    with serving() as serve:
        yield models, serve(models)


@pytest.fixture
def models(served) -> Models:
    models, _ = served
    models.requests.clear()
    models.fails.clear()
    return models


@pytest.fixture
def url(models, served) -> str:
    return served[1]
