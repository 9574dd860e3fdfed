from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.contract.row import Row
from tests.contract.serving import Requests


async def users(request) -> JSONResponse:
    return JSONResponse({"user": request.path_params["user"], "body": (await request.body()).decode()})


async def fail(request) -> None:
    raise LookupError(request.path_params["user"], request.query_params["q"])


@contextmanager
def opened(request) -> Iterator[Requests]:
    app = Starlette(
        routes=[
            Route("/users/{user}", users, methods=["POST"]),
            Route("/fail/{user}", fail, methods=["POST"]),
        ]
    )
    yield Requests(request.getfixturevalue("serve")(app))


ROW = Row(
    name="starlette",
    open=opened,
    good=[("server", "POST /users/{user}")],
    bad=[("server", "POST /fail/{user}")],
    error=("LookupError",),
    is_server=True,
)
