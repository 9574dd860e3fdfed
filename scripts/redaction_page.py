"""Write the table of types into docs/redaction.md, from the detectors themselves."""

import ast
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
_profiles = import_module("traceo.redaction.profiles")
FIRST, PROFILES, SECRETS = _profiles.FIRST, _profiles.PROFILES, _profiles.SECRETS

PAGE = ROOT / "docs" / "redaction.md"
BEGIN, END = "<!-- types: written by make docs -->\n", "<!-- end of types -->\n"


def _about(module: str) -> str:
    """The detector's own sentences, after its name."""
    text = (ROOT / "traceo" / "redaction" / "detectors" / f"{module}.py").read_text(encoding="utf-8")
    sentences = " ".join((ast.get_docstring(ast.parse(text)) or "").split())
    return sentences.partition(": ")[2].replace("``", "`").replace("|", "\\|")


def _entity(module: str) -> str:
    return import_module(f"traceo.redaction.detectors.{module}").DETECTOR.entity


def _rows(modules: tuple[str, ...], when: dict[str, str]) -> str:
    return "".join(f"| `{_entity(name)}` | {when[name]} | {_about(name)} |\n" for name in modules)


def table() -> str:
    """The table, in the order of the detectors' importance."""
    further = tuple(dict.fromkeys(name for names in PROFILES.values() for name in names))
    regions = {
        name: ", ".join(f"`{p}`" for p, names in PROFILES.items() if name in names) for name in further
    }
    always = dict.fromkeys((*FIRST, *SECRETS), "always")
    head = "| type | on | standard, checksum and context |\n| --- | --- | --- |\n"
    return head + _rows(FIRST, always) + _rows(further, regions) + _rows(SECRETS, always)


def page() -> str:
    """The whole page with a fresh table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
