"""valkey-py: one client span a command, a pipeline or a transaction; sync, asyncio and cluster clients."""

import valkey.asyncio.client
import valkey.asyncio.cluster
import valkey.client
import valkey.cluster

from traceo.instrumentation.hooks import Site
from traceo.instrumentation.keyvalue import hook_clients, hook_clusters

__all__ = ["install"]


def install(site: Site) -> None:
    """Wrap the one method that each kind of client sends its commands with."""
    hook_clients(site, "valkey", valkey.client, "Valkey", is_async=False)
    hook_clients(site, "valkey", valkey.asyncio.client, "Valkey", is_async=True)
    hook_clusters(site, "valkey", valkey.cluster, "ValkeyCluster", is_async=False)
    hook_clusters(site, "valkey", valkey.asyncio.cluster, "ValkeyCluster", is_async=True)
