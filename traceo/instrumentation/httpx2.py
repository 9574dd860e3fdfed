"""httpx2 clients: httpx's successor sends in the same step, so the hook is httpx's."""

import httpx2

from traceo.instrumentation.hooks import Site
from traceo.instrumentation.httpx import install_in

__all__ = ["install"]


def install(site: Site) -> None:
    """Wrap the one-request step of both clients."""
    install_in(site, httpx2)
