"""openai, 1.x to 3.x, sync and async: one client span a call of chat, responses, completions, embeddings."""

from typing import Any, Final

import openai
import openai._base_client as base
from openai import _streaming

from traceo.instrumentation.genai.clients import hook_clients
from traceo.instrumentation.genai.content import field
from traceo.instrumentation.genai.openai_chat import CHAT, COMPLETION, EMBEDDINGS
from traceo.instrumentation.genai.openai_responses import RESPONSES
from traceo.instrumentation.hooks import Site

__all__ = ["install"]

_OPERATIONS: Final = {
    "/chat/completions": CHAT,
    "/completions": COMPLETION,
    "/embeddings": EMBEDDINGS,
    "/responses": RESPONSES,
}
_HOSTS: Final = (
    (".openai.azure.com", "azure.ai.openai"),
    (".cognitiveservices.azure.com", "azure.ai.openai"),
    (".services.ai.azure.com", "azure.ai.inference"),
    (".inference.ai.azure.com", "azure.ai.inference"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("api.cohere.ai", "cohere"),
    ("api.cohere.com", "cohere"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    (".ml.cloud.ibm.com", "ibm.watsonx.ai"),
    (".amazonaws.com", "aws.bedrock"),
)


def install(site: Site) -> None:
    """Hook the base clients that all clients of the package share."""
    azure: tuple[type, ...] = tuple(
        cls
        for name in ("AzureOpenAI", "AsyncAzureOpenAI")
        if isinstance(cls := getattr(openai, name, None), type)
    )

    def provider_of(client: Any) -> str:
        if isinstance(client, azure):
            return "azure.ai.openai"
        host = field(client.base_url, "host") or ""
        return next((provider for end, provider in _HOSTS if host.endswith(end)), "openai")

    hook_clients(site, base, _streaming, _OPERATIONS, provider_of=provider_of)
