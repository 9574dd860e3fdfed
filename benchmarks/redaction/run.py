"""Accuracy and cost of redaction on the generated corpus: ``python benchmarks/redaction/run.py [--pure] [--show]``."""

import argparse
import base64
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from urllib.parse import unquote

import corpus
import formats

from traceo.redaction import Engine, Policy

_RUNS = 3
# So much of a value may still be read.
_READABLE = 0.05


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

    for name, source in (("corpus", corpus), ("other formats", formats)):
        table[name] = _accuracy(engine, source, chosen.seed, show=chosen.show)
    numbers = list(formats.bare_numbers(chosen.seed, 500))
    leaked = sum(
        _left(value, text, engine.text(text, "message", [])) > _READABLE for _, value, text in numbers
    )
    table["bare numbers of 9 to 12 digits without context, not leaked, %"] = _share(leaked, len(numbers))
    table.update(_cost(engine, chosen.seed))
    print(json.dumps(table, indent=2))
    return 0


def _accuracy(engine: Engine, source: ModuleType, seed: int, *, show: bool) -> dict[str, object]:
    strings = list(source.clean(seed, 20_000))
    marked = []
    for text in strings:
        hits: list[str] = []
        if engine.text(text, "message", hits) is not text:
            marked.append((hits, text))
    table: dict[str, object] = {"clean strings falsely marked, %": round(100 * len(marked) / len(strings), 3)}
    for name, planted in (
        ("ids", source.planted_ids(seed, 200)),
        ("secrets", source.planted_secrets(seed, 80)),
    ):
        total: Counter[str] = Counter()
        leaked: list[tuple[str, str, str]] = []
        for kind, value, text in planted:
            total[kind] += 1
            result = engine.text(text, "message", [])
            if _left(value, text, result) > _READABLE:
                leaked.append((kind, value, result))
        table[f"{name} not leaked, %"] = _share(len(leaked), total.total())
        table[f"{name} leaked by type"] = dict(Counter(kind for kind, _, _ in leaked))
        if show:
            for miss in leaked[:40]:
                print("MISSED", *map(repr, miss), file=sys.stderr)
    if show:
        for hits, text in marked[:40]:
            print("FALSE", hits, repr(text), file=sys.stderr)
    return table


def _share(leaked: int, total: int) -> float:
    return round(100 * (1 - leaked / total), 2)


def _cost(engine: Engine, seed: int) -> dict[str, float]:
    unseen = []
    for run in range(_RUNS):
        batch = list(corpus.clean(seed + 1 + run, 10_000))
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
