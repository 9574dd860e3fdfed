"""A Django project in one module, for the tests that need one; Django can be configured once a process."""

import asyncio
from pathlib import Path

from django.conf import settings
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from opentelemetry import trace

__all__ = ["MIDDLEWARE", "seen", "urlpatterns"]

seen: dict[str, object] = {}
"""What the views have noted, by place."""

MIDDLEWARE = ("django.middleware.common.CommonMiddleware", "tests.django_shop.Doors")

if not settings.configured:
    settings.configure(
        ROOT_URLCONF="tests.django_shop",
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=list(MIDDLEWARE),
        SECRET_KEY="tests",
        USE_TZ=True,
        LOGGING_CONFIG=None,
        DATABASES={},
    )
    import django

    django.setup()

from django.urls import include, path, re_path  # noqa: E402  they need the settings


class OutOfStockError(Exception):
    pass


def span_id() -> int:
    return trace.get_current_span().get_span_context().span_id


class Doors:
    """Middleware that fails on its own, answers for itself, and turns one kind of error into a 503."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path.endswith("/door-fails"):
            raise LookupError("door")
        if request.path.endswith("/door-shut"):
            return HttpResponse(status=403)
        seen["middleware"] = span_id()
        return self.get_response(request)

    def process_exception(self, request, exception):
        return HttpResponse(status=503) if isinstance(exception, OutOfStockError) else None


def user(request, user):
    seen["view"] = span_id()
    return JsonResponse({"user": user})


async def user_async(request, user):
    seen["view"] = span_id()
    return JsonResponse({"user": user})


def echo(request, **kwargs):
    return JsonResponse({key: str(value) for key, value in kwargs.items()})


def fail(request, kind):
    if kind == "403":
        from django.core.exceptions import PermissionDenied

        raise PermissionDenied
    if kind == "404":
        from django.http import Http404

        raise Http404
    if kind.isdecimal():
        return HttpResponse(status=int(kind))
    raise {"stock": OutOfStockError}.get(kind, LookupError)(kind)


async def fail_async(request):
    raise LookupError("async")


def stream(request):
    def parts():
        for part in ("a", "b"):
            seen[f"part {part}"] = span_id()
            yield part

    return StreamingHttpResponse(parts())


async def stream_async(request):
    async def parts():
        for part in ("a", "b"):
            seen[f"part {part}"] = span_id()
            yield part

    return StreamingHttpResponse(parts())


async def wait(request):
    seen["waiting"] = span_id()
    try:
        await asyncio.Event().wait()
    finally:
        seen["cancelled"] = span_id()


def file(request):
    return FileResponse(Path(__file__).open("rb"))


admin = [path("stock/", echo), re_path(r"^old/(?P<item>\d+)$", echo)]

urlpatterns = [
    path("", echo),
    path("users/<int:user>/", user),
    path("users/<str:user>", echo),
    path("async/users/<int:user>/", user_async),
    path("admin/<slug:area>/", include(admin)),
    re_path(r"^articles/(?P<year>[0-9]{4})/$", echo),
    path("fail/<str:kind>", fail),
    path("fail-async", fail_async),
    path("stream", stream),
    path("stream-async", stream_async),
    path("wait", wait),
    path("file", file),
]
