"""What need not be in the database: sessions and search results, in Redis. ``REDIS_URL`` says where."""

import json
import os
from typing import Any

import redis

_redis = redis.Redis.from_url(
    os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"), decode_responses=True, socket_timeout=5
)


def open_session(email: str, token: str) -> None:
    _redis.set(f"session:{email}", token, ex=3600)


def found_before(question: str) -> list[dict[str, Any]] | None:
    known = _redis.get(f"search:{question}")
    return json.loads(known) if known else None


def remember_found(question: str, products: list[dict[str, Any]]) -> None:
    _redis.set(f"search:{question}", json.dumps(products), ex=60)
