pytest_plugins = []

from tests.instrumentation.conftest import serve  # noqa: F401, E402  the same real server
