"""What the demo prints: figures, the check's result, and where to look."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Final

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from traceo.cli.demo.leaks import Findings, masked
from traceo.cli.demo.services import Figures
from traceo.cli.demo.traffic import Sent

__all__ = ["Run", "check", "figures", "links"]

_SHOWN: Final = 5  # values of a kind in the same places
_MS: Final = 1000.0


class Run(msgspec.Struct, frozen=True):
    """What was sent to the services, to warm them up and then, and what they say (of all of it)."""

    warm_up: Sent
    sent: Sent
    figures: Figures

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of all services for one request to the shop."""
        return self.figures.cpu_s * _MS / max(1, self.sent.requests)


def figures(console: Console, run: Run, baseline: Run | None) -> None:
    """Print the table of figures; ``baseline`` is the run without Traceo."""
    table = Table(title="What happened", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    said = run.figures
    table.add_row(
        "requests",
        f"{run.sent.requests:,} in {run.sent.seconds:.1f} s, and {run.warm_up.requests} before, to warm up",
    )
    table.add_row("spans", _balance(*said.counts("spans")))
    table.add_row("log records", _balance(*said.counts("logs")))
    table.add_row("metric points", _balance(*said.counts("metrics")))
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
    table.add_row("CPU of the services", _cost(run, baseline))
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
    style = "bold red" if findings.leaks else "bold green"
    console.print(f"{findings}", style=style)
    return not findings.leaks


def links(console: Console, url: str, *, checkout: str | None, window: tuple[float, float]) -> None:
    """Print where to look while the collector stays up. ``window``: the traffic's time, unix seconds."""
    start, end = (f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}" for moment in window)
    latency = (
        "explore/metrics?name=http.server.request.duration&service=shop&group_by=http.route"
        f"&start={start}&end={end}"
    )
    console.print(f"\nTraces      {url}/", soft_wrap=True)
    console.print(f"Latency     {url}/{latency}", soft_wrap=True)
    if checkout is not None:
        console.print(f"A checkout  {url}/trace/{checkout}", soft_wrap=True)
    console.print(f"API         {url}/api/docs\n\nCtrl-C stops everything.", soft_wrap=True)


def _check_of_the_check(console: Console, findings: Findings) -> bool:
    proved = findings.has_proved_itself
    console.print(f"{findings}, with redaction off", style="bold green" if proved else "bold red")
    console.print(
        f"Telemetry shows {findings.expected:,} of them when nothing is redacted; "
        + ("the check sees what it should." if proved else "the check misses too many to be trusted.")
    )
    return proved


def _leaks(findings: Findings) -> Table:
    """One row for all values of a kind that went in and came out at the same places."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for plant, places in findings.leaks.items():
        groups[plant.kind, "\n".join(plant.places), "\n".join(places)].append(masked(plant.value))
    table = Table("kind", "planted in", "found in", "values, masked", title="Found", title_justify="left")
    for group, values in groups.items():
        more = [f"… {len(values) - _SHOWN:,} more"] if len(values) > _SHOWN else []
        table.add_row(*group, escape("\n".join(values[:_SHOWN] + more)), end_section=True)
    return table


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
