from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI, Request

from tests.contract.row import Row
from tests.contract.serving import Requests


@contextmanager
def opened(request) -> Iterator[Requests]:
    app = FastAPI()

    @app.post("/users/{user}")
    async def users(user: str, request: Request) -> dict[str, str]:
        return {"user": user, "body": (await request.body()).decode()}

    @app.post("/fail/{user}")
    def fail(user: str, q: str) -> None:
        raise LookupError(user, q)

    yield Requests(request.getfixturevalue("serve")(app))


ROW = Row(
    name="fastapi",
    open=opened,
    good=[("server", "POST /users/{user}")],
    bad=[("server", "POST /fail/{user}")],
    error=("LookupError",),
    is_server=True,
    also=("starlette",),
)
