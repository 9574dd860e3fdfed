"""Is everything there that the demo needs, beyond the SDK itself?"""

import importlib.util
import shutil
from pathlib import Path
from typing import Final

import traceo

__all__ = ["SHOP", "missing"]

SHOP: Final = Path(traceo.__file__).parents[1] / "examples" / "shop"
"""The example's folder; it is part of a source checkout, not of the wheel."""

_MODULES: Final = (
    "celery",
    "duckdb",
    "faker",
    "fastapi",
    "httpx",
    "litestar",
    "pyarrow",
    "redis",
    "requests",
    "rich",
    "sqlalchemy",
    "uvicorn",
)


def missing() -> str | None:
    """What is missing and the command that gets it; None when nothing is."""
    absent = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed; run: pip install 'traceo[demo]'"
    if shutil.which("redis-server") is None:
        return "redis-server is not installed; run: apt-get install redis-server, or your system's like"
    if not (SHOP / "serve.py").exists():
        return f"there is no example shop at {SHOP}; run it from a checkout: pip install -e '.[demo]'"
    return None
