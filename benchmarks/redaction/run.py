"""Accuracy and cost of redaction on the generated corpus: ``python benchmarks/redaction/run.py [--pure] [--show]``."""

import argparse
import base64
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote

from corpus import clean, planted_ids, planted_secrets

from traceo.redaction import Engine, Policy

_RUNS = 3


def _left(value: str, planted: str, text: str) -> float:
    """How much of ``value`` can still be read in ``text``, 0 to 1, in runs of at least four characters.

    What the frame around the planted value says anyway (``email``, ``password``) does not count.
    """
    frame = planted.replace(value, "")
    forms = [text, unquote(text), text.replace('\\"', '"'), *_decoded(text)]
    plain = [_without(form, frame) for form in forms]
    best = 0
    for form in plain:
        for start in range(len(value)):
            end = start + best + 1
            while end <= len(value) and value[start:end] in form:
                best, end = end - start, end + 1
    return best / len(value) if best >= 4 else 0.0


def _without(text: str, frame: str) -> str:
    """The text without its words that the frame has too."""
    known = set(re.findall(r"\w+", frame))
    return re.sub(r"\w+", lambda match: "" if match.group() in known else match.group(), text)


def _decoded(text: str) -> Iterator[str]:
    try:
        yield base64.b64decode(text, validate=True).decode()
    except (ValueError, UnicodeDecodeError):
        return


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pure", action="store_true", help="without RE2")
    arguments.add_argument("--show", action="store_true", help="print what was missed or falsely marked")
    arguments.add_argument("--seed", type=int, default=20261124)
    chosen = arguments.parse_args()
    engine = Engine(Policy.default(), pure=chosen.pure)
    table: dict[str, object] = {}

    strings = list(clean(chosen.seed, 20_000))
    marked = []
    for text in strings:
        hits: list[str] = []
        if engine.text(text, "message", hits) is not text:
            marked.append((hits, text))
    table["clean strings falsely marked, %"] = round(100 * len(marked) / len(strings), 3)
    for name, source in (
        ("ids", planted_ids(chosen.seed, 200)),
        ("secrets", planted_secrets(chosen.seed, 80)),
    ):
        total: Counter[str] = Counter()
        leaked: list[tuple[str, str, str]] = []
        for kind, value, text in source:
            total[kind] += 1
            result = engine.text(text, "message", [])
            if _left(value, text, result) > 0.05:
                leaked.append((kind, value, result))
        table[f"{name} not leaked, %"] = round(100 * (1 - len(leaked) / total.total()), 2)
        table[f"{name} leaked by type"] = dict(Counter(kind for kind, _, _ in leaked))
        if chosen.show:
            for miss in leaked[:40]:
                print("MISSED", *map(repr, miss), file=sys.stderr)
    if chosen.show:
        for hits, text in marked[:40]:
            print("FALSE", hits, repr(text), file=sys.stderr)
    table.update(_cost(engine, chosen.seed))
    print(json.dumps(table, indent=2))
    return 0


def _cost(engine: Engine, seed: int) -> dict[str, float]:
    unseen = []
    for run in range(_RUNS):
        batch = list(clean(seed + 1 + run, 10_000))
        began = time.process_time()
        for text in batch:
            engine.text(text, "message", [])
        unseen.append((time.process_time() - began) / sum(map(len, batch)) * 1e8)
    seen = []
    text = "cart.checkout processed 7 items in 12.345 ms (cache hit ratio 0.9)"
    for _ in range(_RUNS):
        hits: list[str] = []
        began = time.process_time()
        for _ in range(100_000):
            engine.text(text, "message", hits)
        seen.append((time.process_time() - began) * 10)
    return {"unseen, µs per 100 characters": round(min(unseen), 2), "seen, µs": round(min(seen), 3)}


if __name__ == "__main__":
    raise SystemExit(main())
