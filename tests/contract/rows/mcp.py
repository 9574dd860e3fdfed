import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mcp.client._memory import InMemoryTransport
from mcp.client.client import Client
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, TextContent, Tool

from tests.contract.row import Planted, Row


class Calls:
    def __init__(self) -> None:
        async def call(_context: object, params: CallToolRequestParams) -> CallToolResult:
            said = str(params.arguments)
            if params.name == "refuse":
                raise MCPError(code=-32000, message=said)
            return CallToolResult(content=[TextContent(text=said)])

        async def tools(_context: object, _params: object) -> ListToolsResult:
            schema = {"type": "object"}
            return ListToolsResult(tools=[Tool(name=n, input_schema=schema) for n in ("echo", "refuse")])

        self.server = Server("contract", on_call_tool=call, on_list_tools=tools)

    def call(self, name: str, planted: Planted) -> object:
        arguments = {
            "mail": planted.email,
            "card": planted.card,
            "key": planted.secret,
            "text": planted.unspoken,
        }

        async def run() -> object:
            async with Client(InMemoryTransport(self.server)) as client:
                await client.list_tools()
                try:
                    answer = await client.call_tool(name, arguments)
                except MCPError as error:  # told here: a group of tasks would wrap it
                    return error.error.code, error.error.message
            return answer.is_error, answer.content[0].text

        return asyncio.run(run())

    def good(self, planted: Planted) -> object:
        return self.call("echo", planted)

    def bad(self, planted: Planted) -> object:
        return self.call("refuse", planted)


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request
    yield Calls()


def both(name: str) -> list[tuple[str, str]]:
    return [("client", name), ("server", name)]


DEFAULT = Row(
    name="mcp",
    open=opened,
    good=[*both("server/discover"), *both("tools/list"), *both("tools/call echo")],
    bad=[*both("server/discover"), *both("tools/list"), *both("tools/call refuse")],
    error=("-32000", "-32000"),
)
# What is said is recorded then, and dropped on its way out unless the policy says that it is to be scanned.
ROWS = [DEFAULT, replace(DEFAULT, installs={"capture_content": True})]
