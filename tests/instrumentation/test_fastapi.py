from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider

native = pytest.mark.skipif(
    not hasattr(FastAPI(), "_native_telemetry"), reason="this FastAPI does not trace by itself"
)


@pytest.fixture
def global_provider(spans, monkeypatch):
    """The provider as ``traceo.init()`` leaves it: the global one."""
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", spans.provider)


def build(**settings) -> FastAPI:
    app = FastAPI(**settings)

    def dependency():
        return 1

    @app.get("/items/{item}")
    def read(item: int, other: Annotated[int, Depends(dependency)]):
        return {"item": item + other}

    @app.get("/healthz")
    def health():
        return {}

    return app


async def get(app, path):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://shop.example"
    ) as client:
        return await client.get(path)


def server_spans(spans):
    return [(span.scope.name, span.name) for span in spans.all() if span.kind != 3]


@native
async def test_fastapis_own_tracing_is_replaced_by_one_span(spans, hook, global_provider):
    app = build()
    installed = hook("fastapi,starlette")
    assert (await get(app, "/items/1")).json() == {"item": 2}
    assert server_spans(spans) == [("traceo.instrumentation.fastapi", "GET /items/{item}")]

    installed.uninstall()
    await get(app, "/items/1")
    assert len(server_spans(spans)) > 2


@native
async def test_fastapis_own_metrics_go_on(spans, hook, global_provider):
    reader = InMemoryMetricReader()
    meters = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    hook("fastapi,starlette")
    assert (await get(build(telemetry={"meter_provider": meters}), "/items/1")).status_code == 200
    assert server_spans(spans) == [("traceo.instrumentation.fastapi", "GET /items/{item}")]
    names = {
        metric.name
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert "http.server.request.duration" in names


@native
async def test_what_the_app_told_fastapi_about_telemetry_counts_for_us(spans, hook, global_provider):
    hook("fastapi,starlette")
    app = build(telemetry={"exclude": lambda scope: scope["path"] == "/healthz"})
    await get(app, "/healthz")
    await get(app, "/items/1")
    await get(build(telemetry={"tracing": False}), "/items/1")
    assert server_spans(spans) == [("traceo.instrumentation.fastapi", "GET /items/{item}")]


@native
async def test_an_app_with_a_tracer_provider_of_its_own_is_left_to_fastapi(spans, hook):
    hook("fastapi,starlette")
    own = SdkTracerProvider(shutdown_on_exit=False)
    assert (await get(build(telemetry={"tracer_provider": own}), "/items/1")).status_code == 200
    assert server_spans(spans) == []


@native
async def test_with_the_fastapi_row_off_fastapi_traces_by_itself_and_starlette_keeps_out(
    spans, hook, global_provider
):
    hook("-fastapi")
    await get(build(), "/items/1")
    servers = [span for span in spans.all() if span.kind == 2]
    assert [span.scope.name for span in servers] == ["fastapi"]


async def test_fastapi_alone_needs_no_starlette_row(spans, hook):
    hook("fastapi")
    assert (await get(build(), "/items/1")).status_code == 200
    assert server_spans(spans) == [("traceo.instrumentation.fastapi", "GET /items/{item}")]
