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


def lines(charts: list[tuple[str, dict[str, list[tuple[float, float]]]]]) -> str:
    """One SVG with a chart above the other: seconds to the right, from zero up; a line for each name."""
    parts: list[str] = []
    height, top = 150, 26
    for title, series in charts:
        parts.append(f'<text x="0" y="{top}" font-weight="600">{escape(title)}</text>')
        points = [point for line in series.values() for point in line]
        most_x, most_y = max(x for x, _ in points) or 1, (max(y for _, y in points) or 1) * 1.1
        bottom, left, right = top + 14 + height, 44, WIDTH - 90
        for share in (0, 0.5, 1):
            y = bottom - share * height
            parts.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e2e8f0"/>')
            parts.append(
                f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{share * most_y:.3g}</text>'
            )
        for name, line in series.items():
            colour = COLOURS.get(name, "#64748b")
            path = " ".join(
                f"{left + x / most_x * (right - left):.1f},{bottom - y / most_y * height:.1f}"
                for x, y in line
            )
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
            x, y = line[-1]
            parts.append(
                f'<text x="{left + x / most_x * (right - left) + 6:.1f}" y="{bottom - y / most_y * height + 4:.1f}" '
                f'fill="{colour}">{escape(name)}</text>'
            )
        parts.append(f'<text x="{right}" y="{bottom + 16}" text-anchor="end">{most_x:.0f} s</text>')
        top = bottom + 44
    style = 'font-family="system-ui, sans-serif" font-size="12" fill="#334155"'
    background = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" {style}>{background}{"".join(parts)}</svg>\n'
