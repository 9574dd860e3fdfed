"""Traceo beside other scrubbers, on the same texts in one run: ``python benchmarks/redaction/compare.py``.

Each peer runs in an environment of its own under ``.cache/bench/``, made on first use. ``--sentences FILE`` judges
labelled sentences as well (JSON lines with ``text`` and ``spans``). ``--json`` prints all figures, misses by type too.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import planted
import sentences as labelled
from corpus import clean, planted_ids, planted_secrets
from run import _left

sys.path.append(str(Path(__file__).parents[1]))
from harness import venvs

venvs.REQUIREMENTS |= {
    "presidio": ["presidio-analyzer==2.2.366"],
    "scrubadub": ["scrubadub==2.0.1"],
    "datafog": ["datafog==4.9.0"],
}
# name in the table → module, environment, RE2 or not
PEERS = {
    "Traceo": ("traceo", "traceo", False),
    "Traceo, no RE2": ("traceo", "traceo", True),
    "presidio-analyzer 2.2.366": ("presidio", "presidio", False),
    "scrubadub 2.0.1": ("scrubadub", "scrubadub", False),
    "datafog 4.9.0": ("datafog", "datafog", False),
    "Logfire 4.41.0 scrubber": ("logfire", "logfire", False),
    "Sentry 2.75.0 scrubber": ("sentry", "sentry", False),
}
_TIMED = 8_000
_PLANTED = ("ids", "secrets", "bare numbers")


def scrub(
    module: str, environment: str, *, pure: bool, judged: list[str], timed: list[str]
) -> tuple[list[Any], float]:
    """What the peer makes of the judged texts, and its µs per 100 characters on the timed ones."""
    given = [*map(json.dumps, judged), "", *map(json.dumps, timed)]
    done = subprocess.run(
        [
            str(venvs.python_of(environment)),
            "-W",
            "ignore",
            str(Path(__file__).with_name("scrub.py")),
            module,
        ],
        input="\n".join(given) + "\n",
        env={**os.environ, "BENCH_PURE": "1" if pure else "", "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return rows[:-1], rows[-1]["us_per_100"]


def bare_numbers(seed: int, per_type: int) -> list[tuple[str, str, str]]:
    """Ids as 9 to 12 bare digits, without key, separator or context word: nobody can tell them from other numbers."""
    r = random.Random(seed)
    made = {"US_SSN": planted.ssn, "IN_AADHAAR": planted.aadhaar, "BR_CPF": planted.cpf}
    return [
        (entity, digits, f"batch {digits} accepted by worker {r.randint(1, 64)}")
        for entity, make in made.items()
        for _ in range(per_type)
        if (digits := "".join(filter(str.isdigit, make(r))))
    ]


def judge(
    seed: int, clean_count: int, sentences: list[dict[str, Any]], peer: tuple[str, str, bool]
) -> dict[str, Any]:
    """Every figure of one peer."""
    strings = list(clean(seed, clean_count))
    ids, secrets = list(planted_ids(seed, 100)), list(planted_secrets(seed, 40))
    bare = bare_numbers(seed, 100)
    judged = [
        *strings,
        *(text for _, _, text in [*ids, *secrets, *bare]),
        *(one["text"] for one in sentences),
    ]
    module, environment, pure = peer
    rows, us_per_100 = scrub(
        module, environment, pure=pure, judged=judged, timed=list(clean(seed + 1, _TIMED))
    )
    texts = [row["text"] for row in rows]
    marked = sum(new != old for new, old in zip(texts, strings, strict=False))
    result: dict[str, Any] = {"falsely marked": marked / len(strings), "µs per 100 characters": us_per_100}
    at = len(strings)
    for name, values in (("ids", ids), ("secrets", secrets), ("bare numbers", bare)):
        total = Counter(kind for kind, _, _ in values)
        leaked = Counter(
            kind
            for (kind, value, text), new in zip(values, texts[at : at + len(values)], strict=True)
            if _left(value, text, new) > 0.05
        )
        result[name] = 1 - leaked.total() / total.total()
        result[f"{name} leaked by type"] = {
            kind: f"{count} of {total[kind]}" for kind, count in leaked.items()
        }
        at += len(values)
    if sentences:
        result["sentences"] = labelled.judge(sentences, [row["spans"] for row in rows[at:]])
    return result


def main() -> int:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--sentences", type=Path, metavar="FILE")
    arguments.add_argument(
        "--clean", type=int, default=10_000, metavar="N", help="clean strings (default: %(default)s)"
    )
    arguments.add_argument("--seed", type=int, default=20261124)
    arguments.add_argument("--peer", action="append", choices=PEERS, help="only this one; may be repeated")
    arguments.add_argument("--json", action="store_true")
    chosen = arguments.parse_args()
    sentences = labelled.load(chosen.sentences) if chosen.sentences else []
    results = {}
    for name in chosen.peer or PEERS:
        print(f"· {name}", file=sys.stderr)
        results[name] = judge(chosen.seed, chosen.clean, sentences, PEERS[name])
    print(json.dumps(results, indent=2) if chosen.json else _tables(results))
    return 0


def _tables(results: dict[str, dict[str, Any]]) -> str:
    head = [
        "",
        "clean strings falsely marked",
        *(f"{what} not leaked" for what in _PLANTED),
        "µs per 100 characters",
    ]
    rows = [
        [name, f"{100 * r['falsely marked']:.2f} %", *(f"{100 * r[what]:.1f} %" for what in _PLANTED), f"{r['µs per 100 characters']:.1f}"]
        for name, r in results.items()
    ]  # fmt: skip
    text = _table(head, rows)
    judged = next(iter(results.values())).get("sentences")
    if judged:
        labels = sorted(judged["labels"], key=judged["labels"].get, reverse=True)
        head = ["", *(f"{label} ({judged['labels'][label]})" for label in labels), "phone F2"]
        rows = [
            [
                name,
                *(f"{r['sentences']['recall'][label]:.2f}" for label in labels),
                f"{r['sentences']['phone F2']:.2f}",
            ]
            for name, r in results.items()
        ]
        text += "\n" + _table(head, rows)
    misses = [f"- {name}: {_misses(r)}" for name, r in results.items()]
    return f"{text}\nLeaked, by type:\n\n" + "\n".join(misses) + "\n"


def _misses(result: dict[str, Any]) -> str:
    """What leaked; a kind of planted value that leaked whole in one word."""
    parts = []
    for what in _PLANTED:
        leaked = result[f"{what} leaked by type"]
        if result[what] == 0:
            parts.append(f"all {what}")
        else:
            parts += [f"{kind} {count}" for kind, count in leaked.items()]
    return ", ".join(parts) or "nothing"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])


if __name__ == "__main__":
    raise SystemExit(main())
