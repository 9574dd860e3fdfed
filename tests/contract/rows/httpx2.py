import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from tests.contract.rows import httpx as first


@contextmanager
def opened(request) -> Iterator[first.Calls]:
    with first.opened(request, httpx2) as calls:
        yield calls


ROW = dataclasses.replace(first.ROW, name="httpx2", open=opened, error=("httpx2.ConnectError",))
