import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceo.instrumentation.statement import describe


@pytest.mark.parametrize(
    ("text", "operation", "collection"),
    [
        ("SELECT orders.id FROM orders WHERE x = 1", "SELECT", "orders"),
        ('  -- hint\n/* a */ select * from shop."Orders" o', "SELECT", "shop.Orders"),
        ("(SELECT 1 FROM a) UNION (SELECT 2 FROM b)", "SELECT", "a"),
        ("SELECT 1", "SELECT", ""),
        ("SELECT * FROM generate_series(1, 2)", "SELECT", ""),
        ("INSERT INTO orders (id) VALUES (1)", "INSERT", "orders"),
        ("INSERT OR REPLACE INTO orders VALUES (1)", "INSERT", "orders"),
        ("UPDATE ONLY orders SET a = 1", "UPDATE", "orders"),
        ("DELETE FROM `orders` WHERE 1", "DELETE", "orders"),
        ("WITH x AS (SELECT 1 FROM inner_one) UPDATE orders SET a = 1", "UPDATE", "orders"),
        ("CREATE TABLE IF NOT EXISTS orders (id int)", "CREATE", "orders"),
        ("DROP TABLE [dbo].[orders]", "DROP", "dbo.orders"),
        ("PRAGMA main.table_info('orders')", "PRAGMA", ""),
        ("COMMIT", "COMMIT", ""),
        ("COPY shop.orders (id, mail) FROM STDIN", "COPY", "shop.orders"),
        ("COPY (SELECT id FROM orders) TO STDOUT", "COPY", ""),
        ("LISTEN news", "LISTEN", ""),
        ("INSERT INTO orders VALUES " + "('a'), " * 100_000, "INSERT", "orders"),
        ("ada@example.com", "", ""),
        ("secretword FROM orders", "", ""),
        ("", "", ""),
    ],
)
def test_operation_and_first_table(text, operation, collection):
    assert describe(text) == (operation, collection)


@given(st.text(max_size=300))
def test_any_text_is_described_without_an_error(text):
    operation, collection = describe(text)
    assert operation == operation.upper()
    assert isinstance(collection, str)


@given(st.text(alphabet=st.characters(exclude_characters="'\0"), max_size=60))
def test_no_literal_gets_into_a_name(literal):
    assert describe(f"SELECT id FROM orders WHERE mail = '{literal}'") == ("SELECT", "orders")
