"""A bar chart as SVG, without a plotting library: one group a scenario, bars as a share of OpenTelemetry's cost."""

from typing import Any
from xml.sax.saxutils import escape

COLOURS = {"traceo": "#0f766e", "traceo-pure": "#5eead4", "opentelemetry": "#64748b"}
OTHER = "#cbd5e1"
ROW, LABEL, WIDTH = 18, 190, 760


def bars(results: list[dict[str, Any]], *, against: str) -> str:
    """One SVG; the bar of `against` has length 1, longer ones are cut at 3 and say their figure."""
    parts: list[str] = []
    y = 24
    for result in results:
        figure = result["figure"]
        reference = result["peers"].get(against, {}).get(figure)
        if not reference:
            continue
        parts.append(f'<text x="0" y="{y}" font-weight="600">{escape(result["title"])}</text>')
        y += 8
        for peer, row in result["peers"].items():
            share = row[figure] / reference
            length = min(share, 3.0) / 3.0 * (WIDTH - LABEL - 120)
            colour = COLOURS.get(peer, OTHER)
            parts.append(f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(peer)}</text>')
            parts.append(
                f'<rect x="{LABEL}" y="{y + 2}" width="{max(length, 1):.1f}" height="{ROW - 4}" rx="2" fill="{colour}"/>'
            )
            parts.append(
                f'<text x="{LABEL + length + 6:.1f}" y="{y + 13}">{row[figure]:.3g} ({share:.2f})</text>'
            )
            y += ROW
        y += 26
    style = 'font-family="system-ui, sans-serif" font-size="12" fill="#334155"'
    background = f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" {style}>{background}{"".join(parts)}</svg>\n'
