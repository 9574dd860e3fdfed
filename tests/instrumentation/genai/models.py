"""A server that speaks the REST interfaces of OpenAI and Anthropic, as far as the tests need; no model in it."""

import json
from collections.abc import Callable

__all__ = ["Models"]

ANSWER = "Rain in Pune, tell ada@example.com"
TOOL = "get_weather"


def chat(**more) -> dict:
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-test-2026-01-01",
        "system_fingerprint": "fp_1", "service_tier": "default",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}
        ],
        "usage": {
            "prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200,
            "prompt_tokens_details": {"cached_tokens": 400},
            "completion_tokens_details": {"reasoning_tokens": 50},
        },
        **more,
    }  # fmt: skip


def chat_with_tool() -> dict:
    call = {"id": "call_1", "type": "function", "function": {"name": TOOL, "arguments": '{"city": "Pune"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return chat(choices=[{"index": 0, "finish_reason": "tool_calls", "message": message}])


def chunks(*, tool: bool = False) -> list[str]:
    def chunk(delta: dict, reason: str | None = None, **more) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
        return data({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-test-2026-01-01",
            "choices": choices, **more,
        })  # fmt: skip

    if tool:
        first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": TOOL, "arguments": ""}}
        pieces = [{"tool_calls": [first]}] + [
            {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
            for piece in ('{"city"', ': "Pune"}')
        ]
        middle, reason = [chunk(piece) for piece in pieces], "tool_calls"
    else:
        middle, reason = [chunk({"content": word + " "}) for word in ANSWER.split()], "stop"
    usage = data({**json.loads(chunk({})[6:]), "choices": [], "usage": chat()["usage"]})
    return [
        chunk({"role": "assistant", "content": ""}),
        *middle,
        chunk({}, reason),
        usage,
        "data: [DONE]\n\n",
    ]


def response(**more) -> dict:
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-test-2026-01-01",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": TOOL, "arguments": '{"city": "Pune"}',
             "status": "completed"},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": ANSWER, "annotations": []}]},
        ],
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "usage": {
            "input_tokens": 1000, "input_tokens_details": {"cached_tokens": 400}, "output_tokens": 200,
            "output_tokens_details": {"reasoning_tokens": 50}, "total_tokens": 1200,
        },
        **more,
    }  # fmt: skip


def response_events() -> list[str]:
    def event(kind: str, number: int, **more) -> str:
        return f"event: {kind}\n" + data({"type": kind, "sequence_number": number, **more})

    begun = response(status="in_progress", output=[], usage=None)
    call = response()["output"][1]
    part = {"type": "output_text", "text": "", "annotations": []}
    return [
        event("response.created", 0, response=begun),
        event("response.output_item.added", 1, output_index=0, item=call),
        event("response.output_item.added", 2, output_index=1, item={**response()["output"][2], "content": []}),
        event("response.content_part.added", 3, output_index=1, content_index=0, item_id="msg_1", part=part),
        *(
            event("response.output_text.delta", 4 + i, output_index=1, content_index=0, item_id="msg_1", delta=word)
            for i, word in enumerate(ANSWER.split())
        ),
        event("response.completed", 99, response=response()),
    ]  # fmt: skip


def message(**more) -> dict:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test-2026", "stop_reason": "end_turn",
        "stop_sequence": None, "content": [{"type": "text", "text": ANSWER}],
        "usage": {
            "input_tokens": 500, "cache_read_input_tokens": 400, "cache_creation_input_tokens": 100,
            "output_tokens": 200,
        },
        **more,
    }  # fmt: skip


def message_events() -> list[str]:
    def event(kind: str, **more) -> str:
        return f"event: {kind}\n" + data({"type": kind, **more})

    begun = message(content=[], stop_reason=None)
    begun["usage"] = {**begun["usage"], "output_tokens": 1}
    tool = {"type": "tool_use", "id": "toolu_1", "name": TOOL, "input": {}}
    return [
        event("message_start", message=begun),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("ping"),
        *(
            event("content_block_delta", index=0, delta={"type": "text_delta", "text": word + " "})
            for word in ANSWER.split()
        ),
        event("content_block_stop", index=0),
        event("content_block_start", index=1, content_block=tool),
        event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"city": '}),
        event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '"Pune"}'}),
        event("content_block_stop", index=1),
        event("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage={"output_tokens": 200}),
        event("message_stop"),
    ]  # fmt: skip


def data(value: object) -> str:
    return f"data: {json.dumps(value)}\n\n"


class Models:
    """The ASGI application. What it answers is chosen by the model's name in the request."""

    def __init__(self) -> None:
        self.requests: list[dict] = []
        self.left: list[str] = []
        """Paths whose client went away in the middle of the stream."""
        self.fails: list[tuple[int, dict]] = []
        """Answers to give first, one a request: status and body."""
        self._answers: dict[str, tuple[Callable[[], dict], Callable[[], list[str]]]] = {
            "/v1/chat/completions": (chat, chunks),
            "/v1/responses": (response, response_events),
            "/v1/messages": (message, message_events),
        }

    async def __call__(self, scope, receive, send) -> None:
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        asked = json.loads(body)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append({"path": scope["path"], "body": asked, "headers": headers})
        if self.fails:
            await answer(send, *self.fails.pop(0))
            return
        path = scope["path"]
        if path.startswith("/openai/deployments/"):
            path = "/v1/chat/completions"
        if path.endswith("/embeddings"):
            await answer(send, 200, {
                "object": "list", "model": "embed-test", "usage": {"prompt_tokens": 8, "total_tokens": 8},
                "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
            })  # fmt: skip
            return
        if path.endswith("/completions") and "chat" not in path:
            choices = [{"index": 0, "text": ANSWER, "finish_reason": "length", "logprobs": None}]
            await answer(send, 200, {**chat(), "object": "text_completion", "choices": choices})
            return
        whole, streamed = self._answers[path]
        if not asked.get("stream"):
            given = chat_with_tool() if asked["model"] == "tools" and "chat" in path else whole()
            await answer(send, 200, given)
            return
        await self._stream(
            path, asked, chunks(tool=True) if asked["model"] == "tools" else streamed(), receive, send
        )

    async def _stream(self, path: str, asked: dict, events: list[str], receive, send) -> None:
        if asked["model"] == "malformed":
            events = [*events[:3], "event: content_block_delta\ndata: {broken\n\n"]
        if asked["model"] == "error-event":
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "xyzzy"}}
            events = [*events[:3], "event: error\n" + data(error)]
        if asked["model"] == "cut":
            events = events[:3]
        await send({
            "type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")],
        })  # fmt: skip
        for number, event in enumerate(events):
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
            if asked["model"] == "endless" and number == 2:
                while (await receive())["type"] != "http.disconnect":
                    pass
                self.left.append(path)
                return
        await send({"type": "http.response.body", "body": b""})


async def answer(send, status: int, body: dict) -> None:
    headers = [(b"content-type", b"application/json"), (b"x-request-id", b"req_1"), (b"request-id", b"req_1")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
