"""redis-py: one client span a command, a pipeline or a transaction; sync, asyncio and cluster clients.

Its retries belong to the one span. The telemetry that redis-py has of its own is metrics only.
"""

import redis

from traceo.instrumentation.hooks import Site
from traceo.instrumentation.keyvalue import hook_clients

__all__ = ["install"]


def install(site: Site) -> None:
    """Wrap what sends a command, a pipeline or a transaction."""
    hook_clients(site, redis, "Redis")
