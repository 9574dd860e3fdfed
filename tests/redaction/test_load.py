import pytest

from traceo.errors import ConfigError
from traceo.redaction import Action, Engine, KeyRule, Policy, load_policy, parse_policy
from traceo.redaction.detectors.catalog import detectors_for
from traceo.redaction.profiles import PROFILES, TYPES

FILE = """
profiles = ["eu"]
ip = "truncate"

[types]
EMAIL = "pseudonymise"

[keys]
"session.id" = "keep"
"shoe_size" = { action = "mask", marker = "SHOE" }
"""


def test_a_policy_file_becomes_a_policy(tmp_path):
    path = tmp_path / "redaction.toml"
    path.write_text(FILE)
    policy = load_policy(path, secret=b"s")
    assert policy == Policy(
        keys=(KeyRule("session.id", Action.KEEP), KeyRule("shoe_size", Action.MASK, "SHOE")),
        entities=(("EMAIL", Action.PSEUDONYMISE),),
        profiles=("eu",),
        ip="truncate",
        secret=b"s",
    )
    assert Engine(policy).text("pesel 44051401359", "m", []) == "pesel [PL_PESEL]"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"profile": []}, "unknown setting 'profile'; did you mean 'profiles'?"),
        ({"profiles": ["us-hippa"]}, "unknown profile 'us-hippa'; did you mean 'us-hipaa'?"),
        ({"profiles": ["mars"]}, "unknown profile 'mars'; known: br, cn, eu"),
        ({"types": {"Email": "mask"}}, "unknown type 'Email'; did you mean 'EMAIL'?"),
        ({"types": {"EMAIL": "maks"}}, "unknown action of types.EMAIL 'maks'; did you mean 'mask'?"),
        ({"ip": "trunc"}, "unknown ip action 'trunc'; did you mean 'truncate'?"),
        ({"keys": {"a": 3}}, "Expected `str | object`, got `int` - at `$.keys[...]`"),
        (
            {"keys": {"a": {"action": "mask", "marker": "x1"}}},
            "marker of keys.a must be capitals and underscores",
        ),
        ({"scanned_chars": 5}, "scanned_chars is 5; give at least 4096"),
    ],
)
def test_a_mistake_names_itself_and_the_fix(document, message):
    with pytest.raises(ConfigError) as raised:
        parse_policy(document, source="here")
    assert message in str(raised.value)
    assert "here" in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


def test_the_types_a_policy_may_name_are_those_that_exist():
    made = {detector.entity for detector in detectors_for(Policy(profiles=tuple(PROFILES)))}
    assert made == TYPES
