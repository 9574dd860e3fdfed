import re
import runpy
import tomllib
from pathlib import Path

import pytest

from traceo.pipeline.deep_settings import parse_deep
from traceo.redaction import parse_policy

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "redaction.md").read_text()
FILES = re.findall(r"^```toml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def test_the_table_of_types_is_what_the_detectors_say():
    page = runpy.run_path(str(ROOT / "scripts" / "redaction_page.py"))["page"]
    assert page() == TEXT, "run `make docs`"


@pytest.mark.parametrize("text", FILES)
def test_every_policy_on_the_page_can_be_used(text):
    document = tomllib.loads(text)
    parse_deep(document.pop("deep", {}), source="the page")
    parse_policy(document, source="the page")


def test_there_is_a_policy_on_the_page():
    assert len(FILES) == 2
