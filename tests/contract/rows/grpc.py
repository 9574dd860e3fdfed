from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import grpc.aio

from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel

    def good(self, planted: Planted) -> object:
        return self._call("Echo", planted)

    def bad(self, planted: Planted) -> object:
        try:
            return self._call("Refuse", planted)
        except grpc.RpcError as error:
            return error.code(), error.details()

    def _call(self, method: str, planted: Planted) -> object:
        call = self.channel.unary_unary(f"/shop.v1.People/{method}")
        metadata = (("x-mail", planted.email), ("authorization", f"Bearer {planted.secret}"))
        return call(planted.unspoken.encode(), metadata=metadata, timeout=10)


def echo(request: bytes, context: grpc.ServicerContext) -> bytes:
    del context
    return request


def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
    # Servers repeat what they got.
    context.abort(grpc.StatusCode.NOT_FOUND, f"nobody called {Planted().email}: {request.decode()}")


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request
    server = grpc.server(ThreadPoolExecutor(2))
    methods = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.v1.People", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Calls(channel)
    finally:
        server.stop(None).wait(10)


def objects() -> list[object]:
    return [
        grpc.server,
        grpc.insecure_channel,
        grpc.secure_channel,
        grpc.aio.server,
        grpc.aio.insecure_channel,
        grpc.aio.secure_channel,
    ]


ROW = Row(
    name="grpc",
    open=opened,
    good=[("client", "shop.v1.People/Echo"), ("server", "shop.v1.People/Echo")],
    bad=[("client", "shop.v1.People/Refuse"), ("server", "shop.v1.People/Refuse")],
    error=("NOT_FOUND",),  # for the client; what a client may get wrong is no error of the server
    is_server=True,
    forks=False,
    why_not="gRPC's core does not run in a child of a process that has used it",
    objects=objects,
)
