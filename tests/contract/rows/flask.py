from collections.abc import Iterator
from contextlib import contextmanager

import flask

from tests.contract.row import Row
from tests.contract.serving import Requests
from tests.wsgi_server import serving


@contextmanager
def opened(request) -> Iterator[Requests]:
    app = flask.Flask("shop")

    @app.post("/users/<user>")
    def users(user):
        return {"user": user, "body": flask.request.get_data(as_text=True)}

    @app.post("/fail/<user>")
    def fail(user):
        raise LookupError(user, flask.request.args["q"])

    with serving(app) as base:
        yield Requests(base)


ROW = Row(
    name="flask",
    open=opened,
    good=[("server", "POST /users/<user>")],
    bad=[("server", "POST /fail/<user>")],
    error=("LookupError",),
    is_server=True,
)
