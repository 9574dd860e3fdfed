from typing import Any

from litestar import Request

__all__ = ["given"]


def given(request: Request[Any, Any, Any]) -> dict[str, list[str]]:
    """The values of a query string by name: repeated ones, and unknown names, are seen too."""
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    return found
