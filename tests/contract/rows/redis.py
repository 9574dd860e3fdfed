import redis

from tests.contract.keyvalue import opened_with
from tests.contract.row import Row

ROW = Row(
    name="redis",
    open=opened_with(redis.Redis),
    good=[("client", "SET"), ("client", "GET"), ("client", "MULTI")],
    bad=[("client", "PIPELINE")],
    error=("redis.exceptions.ResponseError",),
)
