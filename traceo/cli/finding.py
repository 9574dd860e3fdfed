"""One thing that a doctor has looked at, and how findings are shown."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

__all__ = ["Finding", "State", "exit_code", "show"]

State: TypeAlias = Literal["ok", "note", "warn", "wrong"]


class Finding(msgspec.Struct, frozen=True):
    """What was looked at, and what is to be said of it. ``fix``: what to do, when something is."""

    state: State
    check: str
    detail: str
    fix: str = ""


def show(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print them: one line each, or as one JSON list."""
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode())
        return
    width = max((len(finding.check) for finding in findings), default=0)
    for finding in findings:
        fix = f"; {finding.fix}" if finding.fix else ""
        print(f"{finding.state:5}  {finding.check:{width}}  {finding.detail}{fix}")


def exit_code(findings: Sequence[Finding]) -> int:
    """1 when anything is wrong, 0 with nothing but warnings."""
    return 1 if any(finding.state == "wrong" for finding in findings) else 0
