import pytest

from traceo.errors import ConfigError
from traceo.pipeline.deep_settings import DeepSettings, check_deep, parse_deep


def test_a_table_becomes_settings():
    table = {"keys": ["order.note"], "model": "models/en", "recognizers": ["shop:LOCKER"], "budget_s": 1}
    assert parse_deep(table, source="policy.toml") == DeepSettings(
        keys=("order.note",), model="models/en", recognizers=("shop:LOCKER",), budget_s=1.0
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"keyz": []}, "redaction policy in here: unknown setting 'deep.keyz'; did you mean 'keys'?"),
        ({"keys": 3}, "redaction policy in here: deep: Expected `array`, got `int` - at `$.keys`"),
        ({"threshold": 2}, "redaction policy in here: deep.threshold must be from 0 to 1"),
        ({"budget_s": 0}, "redaction policy in here: deep.budget_s must be seconds from 0.01 to 60"),
        ("yes", "redaction policy in here: deep must be a table"),
    ],
)
def test_a_wrong_one_says_what_and_where(table, said):
    with pytest.raises(ConfigError) as raised:
        parse_deep(table, source="here")
    assert str(raised.value) == said


@pytest.mark.usefixtures("presidio")
def test_what_cannot_work_here_is_said_at_the_start(tmp_path):
    with pytest.raises(ConfigError, match=r"deep.model is 'en_core_web_lg' \(from here\); give the folder"):
        check_deep(DeepSettings(keys=("a",), model="en_core_web_lg"), source="here")
    with pytest.raises(ConfigError, match=r"deep.recognizers has 'no_such:X' \(from here\)"):
        check_deep(DeepSettings(keys=("a",), recognizers=("no_such:X",)), source="here")
    check_deep(DeepSettings(keys=("a",), recognizers=("json:loads", "ours.yaml")), source="here")


def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("traceo.redaction.presidio.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as raised:
        check_deep(DeepSettings(keys=("a",)), source="TRACEO_DEEP_KEYS")
    assert str(raised.value) == (
        "deep_keys (from TRACEO_DEEP_KEYS) need presidio-analyzer; run: pip install 'traceo[presidio]'"
    )
    check_deep(DeepSettings(), source="here")
