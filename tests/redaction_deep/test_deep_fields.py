from hypothesis import given
from hypothesis import strategies as st

from traceo.pipeline.deep_fields import DeepRedactor
from traceo.redaction import Engine, Policy


class Ada:
    """A deep tier that knows one name."""

    def text(self, value, hits):
        if value == "broken":
            raise RuntimeError
        if "Ada" not in value:
            return value
        hits.append("NAME")
        return value.replace("Ada", "[NAME]")


def redactor(*keys):
    return DeepRedactor(Engine(Policy.default()), Ada(), keys)


def test_only_the_values_under_the_named_keys_are_looked_at():
    attributes = {"order.note": "for Ada", "order.title": "for Ada", "order.n": 3}
    found = []
    assert redactor("order.note").attributes(attributes, "attributes.", found) == {
        "order.note": "for [NAME]",
        "order.title": "for Ada",
        "order.n": 3,
    }
    assert found == ["attributes.order.note=NAME"]


def test_keys_match_as_in_a_policy():
    deep = redactor("note", "app.private.*", "gen_ai.prompt")
    named = ["note", "order.note", "orderNote", "app.private.x", "gen_ai.prompt"]
    other = ["notes", "app.public.x", "gen_ai.completion", "password"]
    assert [key for key in named + other if deep._is_named(key)] == named


def test_the_engine_comes_first():
    found = []
    clean = redactor("note").attributes({"note": "Ada is ada@example.com"}, "", found)
    assert clean == {"note": "[NAME] is [EMAIL]"}
    assert found == ["note=EMAIL", "note=NAME"]


def test_nested_values_are_looked_at_too():
    found = []
    attributes = {"order": {"id": 7, "note": ["for Ada", {"by": "Ada"}], "raw": b"Ada"}}
    assert redactor("order.note", "order.raw").attributes(attributes, "", found) == {
        "order": {"id": 7, "note": ["for [NAME]", {"by": "[NAME]"}], "raw": b"[NAME]"}
    }
    assert found == ["order.note.0=NAME", "order.note.1.by=NAME", "order.raw=NAME"]


def test_clean_attributes_are_the_same_object():
    attributes = {"note": "at the door", "tags": ["a", {"b": "c"}]}
    assert redactor("note").attributes(attributes, "", []) is attributes
    assert redactor("note").attributes(None, "", []) is None


def test_a_log_lines_text_is_a_key_as_well():
    found = []
    assert redactor("body").field("for Ada", "body", found) == "for [NAME]"
    assert redactor("note").field("for Ada", "body", found) == "for Ada"
    assert found == ["body=NAME"]


def test_a_failure_masks_the_value_and_is_counted():
    deep = redactor("note")
    found = []
    assert deep.attributes({"note": "broken"}, "", found) == {"note": "[REDACTED]"}
    assert deep.attributes({"note": b"\xff"}, "", found) == {"note": "[REDACTED]"}
    assert found == ["note=deep:error", "note=deep:not_text"]
    assert deep.report() == {"deep:error": 1, "deep:not_text": 1}
    assert deep.report_by_key() == {"note": 2}


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(attributes=st.dictionaries(st.sampled_from(["note", "n", "order"]) | st.text(), _VALUES))
def test_no_value_makes_it_raise(attributes):
    redactor("note", "order.*").attributes(attributes, "", [])
