from tests.contract.row import all_rows
from traceo.instrumentation.catalog import LIBRARIES


def test_every_library_that_makes_spans_is_held_to_the_contract():
    makes_spans = {row.name for row in LIBRARIES if row.hook and not row.captures.startswith("no span")}
    assert makes_spans - {row.name for row in all_rows()} == set()
