from collections.abc import Iterator
from contextlib import contextmanager

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler

from tests import django_shop
from tests.contract.row import Row
from tests.contract.serving import Requests
from tests.wsgi_server import serving


@contextmanager
def under_wsgi(request) -> Iterator[Requests]:
    assert django_shop.urlpatterns
    with serving(WSGIHandler()) as base:
        yield Requests(base)


@contextmanager
def under_asgi(request) -> Iterator[Requests]:
    assert django_shop.urlpatterns
    yield Requests(request.getfixturevalue("serve")(ASGIHandler()))


ROWS = [
    Row(
        name="django",
        open=opened,
        good=[("server", "POST /users/<str:user>")],
        bad=[("server", "POST /fail/<str:kind>")],
        error=("LookupError",),
        is_server=True,
    )
    for opened in (under_wsgi, under_asgi)
]
