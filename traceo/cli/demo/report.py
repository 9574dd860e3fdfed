"""What the demo prints: figures, the check's result, and where to look."""

import json
import urllib.request
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

import msgspec
from rich.console import Console
from rich.table import Table

from traceo.cli.demo.leaks import Findings, masked
from traceo.cli.demo.services import Figures
from traceo.cli.demo.traffic import Sent

__all__ = ["Run", "check", "figures", "links"]

_SHOWN_LEAKS: Final = 40
_MS: Final = 1000.0


class Run(msgspec.Struct, frozen=True):
    """What was sent to the services, and what they say."""

    sent: Sent
    figures: Figures

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of both services for one request to the shop."""
        return self.figures.cpu_s * _MS / max(1, self.sent.requests)


def figures(console: Console, run: Run, baseline: Run | None) -> None:
    """Print the table of figures; ``baseline`` is the run without Traceo."""
    table = Table(title="What happened", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    said = run.figures
    table.add_row("requests", f"{run.sent.requests:,} in {run.sent.seconds:.1f} s")
    table.add_row("spans", _balance(*said.counts("spans")))
    table.add_row("log records", _balance(*said.counts("logs")))
    redactions = said.redactions
    kinds = ", ".join(f"{rule} {count:,}" for rule, count in redactions.most_common())
    table.add_row("redactions", f"{redactions.total():,}" + (f": {kinds}" if kinds else ""))
    raw, sent = said.total("raw_bytes"), said.total("sent_bytes")
    share = f" ({sent / raw:.0%})" if raw else ""
    batches = said.total("batches")
    table.add_row(
        "bytes", f"{raw:,} before, {sent:,} after compression and sealing{share}, in {batches:,} batches"
    )
    destinations = sorted({status.destination or "nowhere" for status in said.statuses})
    table.add_row("sent to", ", ".join(destinations))
    table.add_row("CPU of both services", _cost(run, baseline))
    console.print(table)


def check(console: Console, findings: Findings, *, redaction: str) -> bool:
    """Print the leak check; True when it holds."""
    megabytes = sum(findings.searched.values()) / 1e6
    console.print(
        f"\n[bold]Leak check[/]: {len(findings.plants):,} values of {len(findings.kinds)} kinds, "
        f"searched in {megabytes:,.1f} MB in {findings.seconds:.1f} s:"
    )
    for place, size in findings.searched.items():
        console.print(f"  {place:<28} {size:>12,} bytes", style="dim")
    if redaction == "off":
        return _check_of_the_check(console, findings)
    if findings.leaks:
        console.print(_leaks(findings))
        _more(console, len(findings.leaks))
    style = "bold red" if findings.leaks else "bold green"
    console.print(f"{findings}", style=style)
    return not findings.leaks


def links(console: Console, url: str, *, stays: bool) -> None:
    """Print where to look; the addresses only while the collector stays up."""
    if not stays:
        return
    console.print(f"\nTraces     {url}/", soft_wrap=True)
    if trace_id := _best_trace(url):
        console.print(f"A checkout {url}/trace/{trace_id}", soft_wrap=True)
    console.print("API        " + f"{url}/api/docs", soft_wrap=True)
    console.print("\nCtrl-C stops everything.")


def _check_of_the_check(console: Console, findings: Findings) -> bool:
    proved = findings.has_proved_itself
    console.print(f"{findings}, with redaction off", style="bold green" if proved else "bold red")
    console.print(
        f"Telemetry shows {findings.expected:,} of them when nothing is redacted; "
        + ("the check sees what it should." if proved else "the check misses too many to be trusted.")
    )
    return proved


def _leaks(findings: Findings) -> Table:
    table = Table("kind", "planted in", "found in", "value, masked", title="Found", title_justify="left")
    for plant, places in list(findings.leaks.items())[:_SHOWN_LEAKS]:
        table.add_row(plant.kind, _lines(plant.places), _lines(places), masked(plant.value))
    return table


def _more(console: Console, leaks: int) -> None:
    if leaks > _SHOWN_LEAKS:
        console.print(f"… and {leaks - _SHOWN_LEAKS:,} more")


def _lines(words: Iterable[str]) -> str:
    return "\n".join(words)


def _balance(created: int, delivered: int, dropped: dict[str, int]) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(dropped.items()))
    text = f"{created:,} created, {delivered:,} delivered, {sum(dropped.values()):,} dropped"
    return f"{text} ({reasons})" if reasons else text


def _cost(run: Run, baseline: Run | None) -> str:
    with_it = f"{run.cpu_ms:.2f} ms a request"
    if baseline is None:
        return with_it
    added = run.cpu_ms - baseline.cpu_ms
    return (
        f"{with_it}, {baseline.cpu_ms:.2f} without Traceo: {added:+.2f} ms ({added / baseline.cpu_ms:+.0%})"
    )


def _best_trace(url: str) -> str | None:
    """A checkout that went well, with the most spans."""
    query = urlencode({"service": "shop", "operation": "POST /checkout", "limit": 50})
    with urllib.request.urlopen(f"{url}/api/traceo/traces?{query}", timeout=10) as answer:  # noqa: S310
        traces = json.loads(answer.read())["traces"]
    best = max(traces, key=lambda trace: (not trace["errors"], trace["spans"]), default=None)
    return None if best is None else best["trace_id"]
