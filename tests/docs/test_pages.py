"""The documentation says what is true today: generated pages are fresh, snippets run, links lead somewhere."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
)
_SNIPPET = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\((?!https?://|#)([^)#]+)")


def _snippets():
    for page in PAGES:
        for number, match in enumerate(_SNIPPET.finditer(page.read_text())):
            yield pytest.param(match.group(1), id=f"{page.relative_to(ROOT)}#{number + 1}")


def test_the_configuration_page_is_what_the_table_of_settings_says():
    page = runpy.run_path(str(ROOT / "scripts" / "configuration_page.py"))["page"]
    assert (ROOT / "docs" / "configuration.md").read_text() == page(), "run `make docs`"


def test_the_instrumentation_page_is_what_the_catalogue_says():
    page = runpy.run_path(str(ROOT / "scripts" / "instrumentation_page.py"))["page"]
    assert (ROOT / "docs" / "instrumentation.md").read_text() == page(), "run `make docs`"


@pytest.mark.parametrize("snippet", list(_snippets()))
def test_every_python_snippet_runs(snippet, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(page):
    missing = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


def test_every_public_example_in_a_docstring_runs():
    done = subprocess.run(
        [sys.executable, "-m", "doctest", str(ROOT / "traceo" / "__init__.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
