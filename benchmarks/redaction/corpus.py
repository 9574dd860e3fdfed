"""A telemetry corpus: 95 % clean strings in the shapes that frameworks and libraries really write, 5 % with a planted value."""

import random
import uuid
from collections.abc import Iterator

from planted import EMBEDDINGS, IDS, SECRETS

__all__ = ["clean", "core", "planted_ids", "planted_secrets"]

_WORDS = [
    "order",
    "cart",
    "stock",
    "invoice",
    "shipment",
    "session",
    "cache",
    "queue",
    "worker",
    "tenant",
    "catalog",
    "price",
    "payment",
    "user",
    "search",
    "index",
]
_TABLES = ["orders", "carts", "stock", "invoices", "shipments", "events", "prices", "audit_log"]


def _hex(r: random.Random, count: int) -> str:
    return f"{r.getrandbits(4 * count):0{count}x}"


def _time(r: random.Random) -> str:
    return f"2026-{r.randint(1, 12):02d}-{r.randint(1, 28):02d} {r.randint(0, 23):02d}:{r.randint(0, 59):02d}:{r.randint(0, 59):02d},{r.randint(0, 999):03d}"


def clean(seed: int, count: int) -> Iterator[str]:
    """``count`` strings that hold nothing to redact."""
    r = random.Random(seed)
    for _ in range(count):
        yield _clean(r)


def _clean(r: random.Random) -> str:
    word, other, table = r.choice(_WORDS), r.choice(_WORDS), r.choice(_TABLES)
    n, ms = r.randint(0, 99_999), r.random() * 900
    shapes = (
        lambda: f"{_time(r)} INFO uvicorn.access 10.{r.randint(0, 255)}.{r.randint(0, 255)}.7:{r.randint(1024, 65535)} - GET /api/v{r.randint(1, 3)}/{word}s/{n} HTTP/1.1 200",
        lambda: f"{word}.{other} processed {n} items in {ms:.3f} ms (cache hit ratio {r.random():.4f})",
        lambda: f"request_id={_hex(r, 32)} span_id={_hex(r, 16)} {word} accepted",
        lambda: f"{uuid.UUID(int=r.getrandbits(128))}",
        lambda: f"/api/v1/{word}s/{n}/{other}?page={r.randint(1, 99)}&limit={r.choice([10, 20, 50])}&sort=created_at",
        lambda: f"SELECT {table}.id, {table}.status FROM {table} WHERE {table}.tenant_id = ? AND {table}.created_at > ? LIMIT ?",
        lambda: f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{r.randint(100, 140)}.0.{r.randint(1000, 7000)}.{r.randint(10, 250)} Safari/537.36",
        lambda: f'Traceback (most recent call last):\n  File "/srv/app/{word}.py", line {r.randint(1, 900)}, in {other}\n    return self._{word}({other}={other})\nTimeoutError: {word} timed out after {r.randint(1, 60)} s',
        lambda: f'{{"event": "{word}.{other}", "duration_ms": {ms:.2f}, "count": {n}, "trace_id": "{_hex(r, 32)}", "ok": true}}',
        lambda: f"Connection to redis://cache-{r.randint(0, 9)}.internal:6379/0 lost, retry {r.randint(1, 5)} in {ms:.0f} ms",
        lambda: f"kafka topic={word}-events partition={r.randint(0, 31)} offset={r.randint(10**6, 10**10)} lag={n}",
        lambda: f"worker-{r.randint(1, 64)} heartbeat at {1_700_000_000 + r.randint(0, 10**8)}.{r.randint(0, 999_999):06d}",
        lambda: f"[{_time(r)}] celery.worker.strategy Task {word}.tasks.{other}[{uuid.UUID(int=r.getrandbits(128))}] succeeded in {ms / 1000:.6f}s: None",
        lambda: f"token refreshed for service {word}, expires in {r.randint(60, 3600)} s",
        lambda: f"password reset requested; session expired for tenant t-{n}",
        lambda: f"gen_ai usage: input_tokens={n} output_tokens={r.randint(1, 4000)} max_tokens=4096 model=large-2026-05-14",
        lambda: f"docker.internal/{word}/{other}:{r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 9)}@sha256:{_hex(r, 64)}",
        lambda: f"deploy {word}=={r.randint(0, 9)}.{r.randint(0, 30)}.{r.randint(0, 9)} commit {_hex(r, 40)} to eu-central-1",
        lambda: f"GET /static/{word}.{_hex(r, 8)}.js 304 in {ms:.1f}ms bytes={n} ua=curl/8.{r.randint(0, 20)}.0",
        lambda: f"1 validation error for {word.title()}\nquantity\n  Input should be greater than 0 [type=greater_than, input_value=-{r.randint(1, 9)}, input_type=int]",
        lambda: f"http://{word}-service.prod.svc.cluster.local:8080/internal/{other}/{n}",
        lambda: f'ETag: W/"{_hex(r, 16)}" Last-Modified: Tue, {r.randint(1, 28)} Nov 2026 03:0{r.randint(0, 9)}:11 GMT Content-Length: {n}',
        lambda: f"arn:aws:lambda:eu-west-1:{r.randint(10**11, 10**12 - 1)}:function:{word}-{other}",
        lambda: f"deadlock detected: process {n} waits for ShareLock on transaction {r.randint(10**6, 10**9)}; blocked by process {r.randint(1, 99_999)}",
        lambda: f"metrics p50={ms:.2f} p95={ms * 2:.2f} p99={ms * 3:.2f} rps={n} errors=0",
        lambda: f'{word}_{other}_total{{service="{word}",code="200"}} {n} {1_763_950_000_000 + r.randint(0, 10**9)}',
        lambda: f"pod/{word}-{_hex(r, 10)}-{_hex(r, 5)} OOMKilled (exit code 137) node ip-10-0-{r.randint(0, 255)}-{r.randint(0, 255)}.ec2.internal",
        lambda: f"start_ns={1_763_950_000_000_000_000 + r.randint(0, 10**15)} end_ns={1_763_950_000_000_000_000 + r.randint(0, 10**15)}",
        lambda: f"Order {n} total {ms:.2f} EUR, {r.randint(1, 9)} items, warehouse {r.choice(['A', 'B', 'C'])}{r.randint(1, 99)}",
        lambda: f"{word} {other} {table}",
    )  # fmt: skip
    return r.choice(shapes)()


def planted_ids(seed: int, per_type: int) -> Iterator[tuple[str, str, str]]:
    """(type, planted value, text) for every type in every embedding."""
    r = random.Random(seed)
    for entity, (make, key) in IDS.items():
        for number in range(per_type):
            value = make(r)
            yield entity, value, EMBEDDINGS[number % len(EMBEDDINGS)](value, key)


def planted_secrets(seed: int, per_kind: int) -> Iterator[tuple[str, str, str]]:
    """(kind, secret part, text) for every kind of secret, in texts that say nothing about it."""
    r = random.Random(seed)
    frames = (
        "{}", "config loaded: {} from vault", "ERROR request failed {} status=401", "curl -H '{}' https://api.example.com",
        'RuntimeError("{}")', "x\n{}\ny", "[{}]", "<{}>",
    )  # fmt: skip
    for kind, make in SECRETS.items():
        for number in range(per_kind):
            text = make(r)
            yield kind, core(kind, text), frames[number % len(frames)].format(text)


def core(kind: str, text: str) -> str:
    """What of ``text``, which holds a secret of ``kind``, must not leak."""
    if kind == "url credentials":
        return text.split("://")[1].rsplit("@", 1)[0]
    if kind == "azure":
        return text.split("AccountKey=")[1].split(";", maxsplit=1)[0]
    if kind == "secret json":
        return text.split('"')[3]
    for separator in ("password=", "= ", ": ", "Bearer ", "Basic "):
        if separator in text and kind in {"password", "aws secret", "api key", "bearer", "basic"}:
            return text.split(separator, 1)[1]
    return text
