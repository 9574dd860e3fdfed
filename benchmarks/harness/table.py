"""Tables for people, JSON for machines, one plot for the page."""

from typing import Any


def render(result: dict[str, Any], columns: dict[str, str], *, against: str, figure: str) -> str:
    """A Markdown table: one row a peer, `figure` also as a ratio to the peer `against`."""
    peers: dict[str, dict[str, float]] = result["peers"]
    reference = peers.get(against, {}).get(figure)
    head = ["peer", *columns.values(), f"ratio to {against}"]
    rows = [head, ["---"] * len(head)]
    for peer, row in peers.items():
        value = row.get(figure)
        ratio = "" if not reference or value is None else _ratio(value / reference)
        rows.append([peer, *(_number(row.get(key)) for key in columns), ratio])
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return f"### {result['title']}\n\n" + "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value == int(value) and abs(value) >= 100:
        return f"{int(value):,}".replace(",", " ")
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _ratio(value: float) -> str:
    if value <= 0:
        return "0"
    return f"1/{1 / value:.1f}" if value < 1 else f"{value:.1f} x"
