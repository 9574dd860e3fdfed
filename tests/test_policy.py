import pytest

from traceo.config import load
from traceo.errors import ConfigError
from traceo.policy import Chosen, choose
from traceo.redaction.policy import Action, KeyRule, Policy

TABLE = """
profiles = ["eu"]
ip = "truncate"

[types]
EMAIL = "hash"

[keys]
"customer.note" = "scan"
"""


def message(given, source="TRACEO_REDACTION"):
    with pytest.raises(ConfigError) as raised:
        choose(given, source=source)
    return str(raised.value)


def test_words_and_profiles():
    assert choose("default", source="default") == Chosen(Policy.default())
    assert choose("off", source="argument").policy == Policy.off()
    assert choose("EU, us-hipaa", source="argument").policy == Policy(profiles=("eu", "us-hipaa"))


def test_a_file_by_its_path(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text(TABLE)
    assert choose(str(file), source="TRACEO_REDACTION").policy == Policy(
        keys=(KeyRule("customer.note", Action.SCAN),),
        entities=(("EMAIL", Action.HASH),),
        profiles=("eu",),
        ip="truncate",
    )


def test_a_slip_is_answered_with_what_was_meant(tmp_path):
    assert message("us-hippa") == ("redaction is 'us-hippa' (from TRACEO_REDACTION); did you mean us-hipaa?")
    assert message("eu,defalt") == "redaction is 'eu,defalt' (from TRACEO_REDACTION); did you mean default?"
    assert message("qqqq") == (
        "redaction is 'qqqq' (from TRACEO_REDACTION); give default, off, eu, uk, us, us-hipaa, sg, in, cn, br, jp, "
        "profiles separated by commas, or the path of a TOML file"
    )
    missing = tmp_path / "polcy.toml"
    assert message(str(missing)).startswith(
        f"redaction policy {missing} (from TRACEO_REDACTION) cannot be read: "
    )
    file = tmp_path / "policy.toml"
    file.write_text("[types]\nEMIAL = 'keep'")
    assert message(str(file)) == f"redaction policy in {file}: unknown type 'EMIAL'; did you mean 'EMAIL'?"
    file.write_text("[deep]\nkeyz = []")
    assert (
        message(str(file)) == f"redaction policy in {file}: unknown setting 'deep.keyz'; did you mean 'keys'?"
    )


def test_every_source_of_the_setting_may_give_it(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text(
        "[tool.traceo.redaction]\nprofiles = ['sg']\n[tool.traceo.redaction.keys]\nshoe = 'drop'\n"
    )
    given = load({}, {}, project).redaction
    assert choose(given, source="x").policy == Policy(profiles=("sg",), keys=(KeyRule("shoe", Action.DROP),))
    assert load({"redaction": {"ip": "keep"}}, {}).redaction == {"ip": "keep"}
    assert load({"redaction": False}, {}).redaction == "off"
    assert load({}, {"TRACEO_REDACTION": "eu,uk"}).redaction == "eu,uk"
    project.write_text("[tool.traceo]\nredaction = ['eu', 'uk']\n")
    assert load({}, {}, project).redaction == "eu,uk"


def test_deep_keys_join_those_of_the_policy():
    pytest.importorskip("presidio_analyzer", reason="the extra traceo[presidio] is not installed")
    config = load({"deep_keys": "order.note, Customer.Note"}, {})
    assert config.deep_keys == ("order.note", "Customer.Note")
    chosen = choose({"deep": {"keys": ["body"], "budget_s": 1}}, source="here", deep_keys=config.deep_keys)
    assert (chosen.deep.keys, chosen.deep.budget_s) == (("body", "order.note", "Customer.Note"), 1.0)
