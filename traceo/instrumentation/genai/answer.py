"""What a model answered, gathered from a whole response or from the events of a stream."""

from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.genai.content import LIMIT, OMITTED, Part, as_json, messages, text, tool_call
from traceo.instrumentation.genai.prices import Prices

__all__ = ["Answer"]

_TOOLS: Final = 64
_NAME: Final = 128


class _Draft:
    """The parts of one choice while they come in pieces. ``None`` in ``pieces``: too long, left out whole."""

    __slots__ = ("call_id", "kind", "name", "pieces")

    def __init__(self, kind: str, call_id: Any = None, name: Any = None) -> None:
        self.kind = kind
        self.call_id = call_id
        self.name = name
        self.pieces: list[str] | None = []

    def part(self) -> Part:
        whole = OMITTED if self.pieces is None else "".join(self.pieces)
        return (
            tool_call(self.call_id, self.name, whole) if self.kind == "tool_call" else text(whole, self.kind)
        )


class Answer:
    """Filled by the readers of one library. ``captures``: whether what was said is wanted too."""

    __slots__ = (
        "_drafts",
        "_room",
        "cache_read",
        "cache_write",
        "captures",
        "choices",
        "code",
        "extra",
        "finish",
        "id",
        "input_tokens",
        "model",
        "output_tokens",
        "parts",
        "reasoning_tokens",
        "tools",
    )

    def __init__(self, *, captures: bool, choices: int = 1) -> None:
        self.captures = captures
        self.choices = choices
        self.id: Any = None
        self.model: Any = None
        self.finish: dict[int, str] = {}
        self.input_tokens: Any = None
        self.output_tokens: Any = None
        self.cache_read: Any = None
        self.cache_write: Any = None
        self.reasoning_tokens: Any = None
        self.tools: dict[object, tuple[Any, Any]] = {}
        self.parts: dict[int, list[Part]] = {}
        self.extra: dict[str, AttributeValue] = {}
        self.code: str | None = None
        """The error code of an answer that says that it failed."""
        self._drafts: dict[tuple[int, object], _Draft] = {}
        self._room = LIMIT

    def add_tool(self, key: object, name: Any, call_id: Any) -> None:
        """One tool call the model asked for; of a thousand the first few say enough."""
        if len(self.tools) < _TOOLS or key in self.tools:
            self.tools[key] = name, call_id

    def say(self, choice: int, key: object, piece: Any, kind: str = "text") -> None:
        """Add a piece to the part ``key`` of ``choice``. Bounded: a part that grows too long is left out."""
        draft = self._drafts.get((choice, key))
        if draft is None:
            if len(self._drafts) >= LIMIT // 100:
                return
            name, call_id = self.tools.get(key, (None, None))
            draft = self._drafts[(choice, key)] = _Draft(kind, call_id, name)
        if not isinstance(piece, str) or draft.pieces is None:
            return
        self._room -= len(piece)
        if self._room < 0:
            draft.pieces = None
            return
        draft.pieces.append(piece)

    def forget_pieces(self) -> None:
        """The whole answer is here after all."""
        self._drafts.clear()
        self.tools.clear()

    def attributes(self, provider: str, requested: Any, prices: Prices | None) -> dict[str, AttributeValue]:
        """All that is known, under the convention's names."""
        named = (
            (semconv.GEN_AI_RESPONSE_ID, self.id, str),
            (semconv.GEN_AI_RESPONSE_MODEL, self.model, str),
            (semconv.GEN_AI_USAGE_INPUT_TOKENS, self.input_tokens, int),
            (semconv.GEN_AI_USAGE_OUTPUT_TOKENS, self.output_tokens, int),
            (semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, self.cache_read, int),
            (semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, self.cache_write, int),
            (semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, self.reasoning_tokens, int),
        )
        found: dict[str, AttributeValue] = {n: value for n, value, cls in named if isinstance(value, cls)}
        found.update(self.extra)
        if self.tools:
            names, ids = zip(*self.tools.values(), strict=True)
            found[semconv.TRACEO_GEN_AI_TOOL_NAMES] = tuple(map(_short, names))
            found[semconv.TRACEO_GEN_AI_TOOL_CALL_IDS] = tuple(map(_short, ids))
        if prices is not None:
            self._add_cost(found, provider, requested, prices)
        if self.captures:
            self._add_content(found)
        return found

    def finish_reasons(self) -> tuple[str, ...]:
        """One reason for each choice; ``error`` where the answer broke off."""
        count = max(self.choices, max(self.finish, default=-1) + 1)
        return tuple(self.finish.get(index, "error") for index in range(count))

    def _add_cost(
        self, found: dict[str, AttributeValue], provider: str, requested: Any, prices: Prices
    ) -> None:
        if not isinstance(self.input_tokens, int):
            return
        price = prices.find(provider, *(name for name in (self.model, requested) if isinstance(name, str)))
        if price is None:
            return
        found[semconv.TRACEO_GEN_AI_COST] = prices.cost(
            price,
            tokens=self.input_tokens,
            read=_count(self.cache_read),
            written=_count(self.cache_write),
            output=_count(self.output_tokens),
        )
        found[semconv.TRACEO_GEN_AI_CURRENCY] = prices.currency

    def _add_content(self, found: dict[str, AttributeValue]) -> None:
        parts = {choice: list(known) for choice, known in self.parts.items()}
        for (choice, _), draft in self._drafts.items():
            parts.setdefault(choice, []).append(draft.part())
        if parts:
            said = messages(("assistant", parts[choice]) for choice in sorted(parts))
            found[semconv.GEN_AI_OUTPUT_MESSAGES] = as_json(said)


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _short(value: Any) -> str:
    """A name or an id; one that is as long as a text is left out, for it may be one."""
    told = str(value or "")
    return told if len(told) <= _NAME else OMITTED
