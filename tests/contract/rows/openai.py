from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import openai

from tests.contract.row import Planted, Row
from tests.instrumentation.genai.models import Models


class Calls:
    def __init__(self, base: str, models: Models) -> None:
        self.base = base
        self.models = models

    def ask(self, planted: Planted) -> object:
        said = f"{planted.unspoken} {planted.email} {planted.card} {planted.secret}"
        tool = {
            "type": "function",
            "function": {"name": "get_weather", "description": said, "parameters": {"type": "object"}},
        }
        with openai.OpenAI(api_key=planted.secret, base_url=self.base, max_retries=0) as client:
            asked = {
                "model": "gpt-test", "tools": [tool], "user": planted.email,
                "messages": [{"role": "system", "content": said}, {"role": "user", "content": said}],
            }  # fmt: skip
            whole = client.chat.completions.create(**asked)
            pieces = list(client.chat.completions.create(**asked, stream=True))
            response = client.responses.create(model="gpt-test", input=said, instructions=said)
            embedding = client.embeddings.create(model="embed", input=said)
        return whole.id, len(pieces), response.id, embedding.model

    def good(self, planted: Planted) -> object:
        return self.ask(planted)

    def bad(self, planted: Planted) -> object:
        said = f"You said: {planted.unspoken} {planted.email}"
        self.models.fails = [(429, {"error": {"message": said, "type": "tokens", "code": "too_fast"}})]
        return self.ask(planted)


@contextmanager
def opened(request) -> Iterator[Calls]:
    models = Models()
    yield Calls(request.getfixturevalue("serve")(models) + "/v1", models)


DEFAULT = Row(
    name="openai",
    open=opened,
    good=[
        ("client", "chat gpt-test"),
        ("client", "chat gpt-test"),
        ("client", "chat gpt-test"),
        ("client", "embeddings embed"),
    ],
    bad=[("client", "chat gpt-test")],
    error=("openai.RateLimitError",),
    more_keys=(
        "traceo.gen_ai.tool.names",  # the convention has them inside the messages only, which are content
        "traceo.gen_ai.tool.call.ids",
    ),
)
# What is said is recorded then, and dropped on its way out unless the policy says that it is to be scanned.
ROWS = [DEFAULT, replace(DEFAULT, installs={"capture_content": True})]
