"""redis-py: one client span a command, a pipeline or a transaction; sync, asyncio and cluster clients.

Its retries belong to the one span. The telemetry that redis-py has of its own is metrics only.
"""

import redis.asyncio.client
import redis.asyncio.cluster
import redis.client
import redis.cluster

from traceo.instrumentation.hooks import Site
from traceo.instrumentation.keyvalue import hook_clients, hook_clusters

__all__ = ["install"]


def install(site: Site) -> None:
    """Wrap the one method that each kind of client sends its commands with."""
    hook_clients(site, "redis", redis.client, "Redis", is_async=False)
    hook_clients(site, "redis", redis.asyncio.client, "Redis", is_async=True)
    hook_clusters(site, "redis", redis.cluster, "RedisCluster", is_async=False)
    hook_clusters(site, "redis", redis.asyncio.cluster, "RedisCluster", is_async=True)
