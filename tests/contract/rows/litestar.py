from collections.abc import Iterator
from contextlib import contextmanager

from litestar import Litestar, Request, post

from tests.contract.row import Row
from tests.contract.serving import Requests


@post("/users/{user:str}")
async def users(request: Request) -> dict[str, str]:
    return {"user": request.path_params["user"], "body": (await request.body()).decode()}


@post("/fail/{user:str}")
async def fail(request: Request) -> None:
    raise LookupError(request.path_params["user"], request.query_params["q"])


@contextmanager
def opened(request) -> Iterator[Requests]:
    app = Litestar([users, fail], logging_config=None)
    yield Requests(request.getfixturevalue("serve")(app))


ROW = Row(
    name="litestar",
    open=opened,
    good=[("server", "POST /users/{user}")],
    bad=[("server", "POST /fail/{user}")],
    error=("LookupError",),
    is_server=True,
)
