"""valkey-py: one client span a command, a pipeline or a transaction; sync, asyncio and cluster clients."""

import valkey

from traceo.instrumentation.hooks import Site
from traceo.instrumentation.keyvalue import hook_clients

__all__ = ["install"]


def install(site: Site) -> None:
    """Wrap what sends a command, a pipeline or a transaction."""
    hook_clients(site, valkey, "Valkey")
