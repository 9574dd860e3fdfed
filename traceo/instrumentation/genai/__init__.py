"""Calls to language models and the tools they use: openai, anthropic, mcp.

What is said in either direction is not captured unless ``capture_content`` asks for it. Follows the
OpenTelemetry GenAI and MCP semantic conventions.
"""

__all__: list[str] = []
