import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from tests.contract.pages import pages
from tests.contract.rows import httpx as first


@contextmanager
def opened(request) -> Iterator[first.Calls]:
    yield first.Calls(request.getfixturevalue("serve")(pages), httpx2)


ROW = dataclasses.replace(first.ROW, name="httpx2", open=opened, error=("httpx2.ConnectError",))
