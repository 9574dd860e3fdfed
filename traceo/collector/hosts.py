import re

__all__ = ["is_local"]

_LOOPBACK = re.compile(r"127(\.\d{1,3}){3}")


def is_local(host: str) -> bool:
    """Tell whether an address or a Host header's name can only mean this machine."""
    name = host.lower()
    return (
        name == "localhost"
        or name.endswith(".localhost")
        or name == "::1"
        or _LOOPBACK.fullmatch(name) is not None
    )
