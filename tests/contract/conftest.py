from tests.instrumentation.conftest import serve  # noqa: F401  the same real server
