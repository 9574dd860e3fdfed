"""Judging labelled sentences: how much of each label is covered, and how well telephone numbers are told apart."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

__all__ = ["judge", "load"]

# A recalled label may miss a bracket or a dot at its edge, not a digit in the middle.
_COVERED = 0.95
_PHONE = {"PHONE", "PHONE_NUMBER", "phone"}


def load(path: Path) -> list[dict[str, Any]]:
    """One object a line: ``text`` and ``spans`` of ``entity``, ``start``, ``end`` (exclusive)."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def judge(sentences: list[dict[str, Any]], found: list[list[list[Any]]]) -> dict[str, Any]:
    """Recall by label, whatever the type that covers it, and F2 of telephone numbers by type."""
    total: Counter[str] = Counter()
    recalled: Counter[str] = Counter()
    hit = labels = wrong = 0
    for sentence, spans in zip(sentences, found, strict=True):
        text = sentence["text"]
        covered = {at for start, end, _ in spans for at in range(start, end)}
        phones = [(start, end) for start, end, entity in spans if entity in _PHONE]
        wanted = [(s["start"], s["end"]) for s in sentence["spans"] if s["entity"] == "PHONE_NUMBER"]
        for label in sentence["spans"]:
            places = [at for at in range(label["start"], label["end"]) if text[at].isalnum()]
            total[label["entity"]] += 1
            share = sum(at in covered for at in places) / max(1, len(places))
            recalled[label["entity"]] += share >= _COVERED
        labels += len(wanted)
        hit += sum(any(start < e and s < end for s, e in phones) for start, end in wanted)
        wrong += sum(not any(start < e and s < end for start, end in wanted) for s, e in phones)
    return {
        "recall": {name: recalled[name] / total[name] for name in total},
        "labels": dict(total),
        "phone F2": _f2(hit, labels, wrong),
    }


def _f2(hit: int, labels: int, wrong: int) -> float:
    """F with recall counting four times as much as precision."""
    return 5 * hit / (5 * hit + 4 * (labels - hit) + wrong) if hit else 0.0
