import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.errors import ConfigError
from traceo.instrumentation.genai.prices import Price, Prices

TABLE = {
    "currency": "EUR",
    "models": {
        "large": {"input": 2, "output": 8, "cache_read": 0.5, "cache_write": 2.5},
        "small*": {"input": 1, "output": 4},
        "small-long*": {"input": 3},
        "azure.ai.openai/small*": {"input": 9},
    },
}
PRICES = Prices.parse(TABLE)
counts = st.integers(0, 10**9)


@pytest.mark.parametrize(
    ("provider", "models", "expected"),
    [
        ("openai", ("large",), 2),
        ("openai", ("large-2026", "large"), 2),
        ("openai", ("small-2026",), 1),
        ("openai", ("small-long-2026",), 3),
        ("azure.ai.openai", ("small-2026",), 9),
        ("openai", ("huge",), None),
        ("openai", (), None),
    ],
)
def test_a_price_is_found_by_exact_name_then_by_the_longest_beginning(provider, models, expected):
    price = PRICES.find(provider, *models)
    assert (price and price.input) == expected


def test_cached_tokens_have_their_own_price_or_that_of_input():
    tokens = {"tokens": 1000, "read": 400, "written": 100, "output": 200}
    large, small = Price(input=2, output=8, cache_read=0.5, cache_write=2.5), Price(input=2, output=8)
    assert PRICES.cost(large, **tokens) == pytest.approx((500 * 2 + 400 * 0.5 + 100 * 2.5 + 200 * 8) / 1e6)
    assert PRICES.cost(small, **tokens) == pytest.approx((1000 * 2 + 200 * 8) / 1e6)
    assert Prices.parse({**TABLE, "per_tokens": 1000}).cost(small, **tokens) == pytest.approx(3.6)


@settings(max_examples=60)
@given(counts, counts, counts, counts)
def test_a_cost_is_never_negative_and_never_falls_with_more_output(tokens, read, written, output):
    price = Price(input=2, output=8, cache_read=0.5)
    cost = PRICES.cost(price, tokens=tokens, read=read, written=written, output=output)
    assert 0 <= cost <= PRICES.cost(price, tokens=tokens, read=read, written=written, output=output + 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"currency": None}, "currency"),
        ({"models": {"m": {"output": 1}}}, "input"),
        ({"models": {"m": {"input": 1, "outputs": 1}}}, "outputs"),
        ({"models": {"m": {"input": -1}}}, "negative"),
        ({"models": {"m": {"input": float("nan")}}}, "negative or endless"),
        ({"per_tokens": 0}, "negative"),
        ({"price": 1}, "price"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_the_reason(change, why):
    with pytest.raises(ConfigError, match=rf"{why}.*from prices\.toml"):
        Prices.parse({**TABLE, **change}, source="prices.toml")


def test_a_table_is_read_from_a_file(tmp_path):
    file = tmp_path / "prices.toml"
    file.write_text('currency = "EUR"\n[models."large*"]\ninput = 2\noutput = 8.5\n')
    expected = Prices(currency="EUR", models={"large*": Price(input=2, output=8.5)})
    assert Prices.load(file) == Prices.of(str(file)) == expected
    assert Prices.of({"currency": "EUR", "models": {"large*": {"input": 2, "output": 8.5}}}) == expected
    file.write_text("currency = ")
    with pytest.raises(ConfigError, match="give a TOML file"):
        Prices.load(file)
    with pytest.raises(ConfigError, match="FileNotFoundError"):
        Prices.load(tmp_path / "none.toml")
