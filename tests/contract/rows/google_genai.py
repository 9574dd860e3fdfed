import json
from collections.abc import Iterator
from contextlib import contextmanager

import google.genai
import google.genai.models
from google.genai import types

from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, client: google.genai.Client) -> None:
        self.client = client

    def good(self, planted: Planted) -> object:
        return self._ask("gemini-echo", planted).text

    def bad(self, planted: Planted) -> object:
        return self._ask("gemini-none", planted)

    def _ask(self, model: str, planted: Planted) -> types.GenerateContentResponse:
        said = f"{planted.unspoken} {planted.email} {planted.card}"
        config = types.GenerateContentConfig(system_instruction=said, temperature=0.5, max_output_tokens=100)
        return self.client.models.generate_content(model=model, contents=said, config=config)


async def gemini(scope, receive, send) -> None:
    """Gemini's REST: answers with what it was asked; knows one model."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    said = json.loads(body)["contents"][0]["parts"]
    if "gemini-echo:generateContent" in scope["path"]:
        status = 200
        answer = {
            "candidates": [{"content": {"role": "model", "parts": said}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12},
            "modelVersion": "gemini-echo-001",
        }
    else:
        status = 404
        answer = {"error": {"code": 404, "status": "NOT_FOUND", "message": f"no model for {said[0]['text']}"}}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@contextmanager
def opened(request) -> Iterator[Calls]:
    base = request.getfixturevalue("serve")(gemini)
    options = types.HttpOptions(base_url=base)
    with google.genai.Client(api_key=Planted().secret, http_options=options) as client:
        yield Calls(client)


def objects() -> list[object]:
    return [
        vars(owner)[name]
        for owner in (google.genai.models.Models, google.genai.models.AsyncModels)
        for name in ("generate_content", "generate_content_stream", "embed_content")
    ]


ROW = Row(
    name="google-genai",
    open=opened,
    good=[("client", "generate_content gemini-echo")],
    bad=[("client", "generate_content gemini-none")],
    error=("404",),
    objects=objects,
)
