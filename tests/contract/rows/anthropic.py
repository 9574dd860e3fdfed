from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import anthropic

from tests.contract.row import Planted, Row
from tests.instrumentation.genai.models import Models


class Calls:
    def __init__(self, base: str, models: Models) -> None:
        self.base = base
        self.models = models

    def ask(self, planted: Planted) -> object:
        said = f"{planted.unspoken} {planted.email} {planted.card} {planted.secret}"
        tool = {"name": "get_weather", "description": said, "input_schema": {"type": "object"}}
        asked = {
            "model": "claude-test", "max_tokens": 9, "system": said, "tools": [tool],
            "metadata": {"user_id": planted.email}, "messages": [{"role": "user", "content": said}],
        }  # fmt: skip
        with anthropic.Anthropic(api_key=planted.secret, base_url=self.base, max_retries=0) as client:
            whole = client.messages.create(**asked)
            with client.messages.stream(**asked) as stream:
                streamed = stream.get_final_message()
        return whole.id, streamed.id

    def good(self, planted: Planted) -> object:
        return self.ask(planted)

    def bad(self, planted: Planted) -> object:
        said = f"You said: {planted.unspoken} {planted.email}"
        self.models.fails = [(400, {"type": "error", "error": {"message": said, "type": "invalid_request"}})]
        return self.ask(planted)


@contextmanager
def opened(request) -> Iterator[Calls]:
    models = Models()
    yield Calls(request.getfixturevalue("serve")(models), models)


DEFAULT = Row(
    name="anthropic",
    open=opened,
    good=[("client", "chat claude-test"), ("client", "chat claude-test")],
    bad=[("client", "chat claude-test")],
    error=("anthropic.BadRequestError",),
    more_keys=(
        "gen_ai.usage.cache_write.input_tokens",  # newer than the installed list of names
        "traceo.gen_ai.tool.names",  # the convention has them inside the messages only, which are content
        "traceo.gen_ai.tool.call.ids",
    ),
)
# What is said is recorded then, and dropped on its way out unless the policy says that it is to be scanned.
ROWS = [DEFAULT, replace(DEFAULT, installs={"capture_content": True})]
