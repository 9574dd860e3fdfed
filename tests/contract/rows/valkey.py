import valkey

from tests.contract.keyvalue import opened_with
from tests.contract.row import Row

ROW = Row(
    name="valkey",
    open=opened_with(valkey.Valkey),
    good=[("client", "SET"), ("client", "GET"), ("client", "MULTI")],
    bad=[("client", "PIPELINE")],
    error=("valkey.exceptions.ResponseError",),
)
