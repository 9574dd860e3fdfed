import pytest

from traceo.instrumentation import Selection, install


@pytest.fixture
def hooked(capture):
    """``hooked("structlog,loguru")``; undone at the end."""
    done = []

    def run(names: str):
        installed = install(Selection.parse(names), tracer_provider=capture.provider)
        done.append(installed)
        assert set(installed.names) == set(names.split(","))
        return installed

    yield run
    for installed in reversed(done):
        installed.uninstall()


def without_thread(log: dict) -> dict:
    """A captured line without what differs from run to run."""
    attributes = {key: value for key, value in log["attributes"].items() if not key.startswith("thread.")}
    return {**log, "attributes": attributes}
