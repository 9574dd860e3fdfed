"""The API's documentation page, made from its OpenAPI document: HTML, no script, nothing from elsewhere."""

import html
from typing import Any

__all__ = ["CSP", "STYLE", "docs_page"]

CSP = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"
STYLE = b"""
:root { color-scheme: light dark; --line: #8885; --soft: #8882; }
body { font: 15px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; font-size: 1.15rem; border-top: 1px solid var(--line); padding-top: 1.2rem; }
code { font: 13px/1.5 ui-monospace, monospace; background: var(--soft); padding: .1em .35em; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; }
th, td { text-align: left; padding: .35rem .6rem .35rem 0; vertical-align: top; }
th, td { border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
"""


def docs_page(schema: dict[str, Any]) -> bytes:
    """Render the document: a section for each operation, then one for each shape."""
    info = schema["info"]
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{_e(info['title'])} API</title><link rel='stylesheet' href='/api/docs.css'></head><body>",
        f"<h1>{_e(info['title'])} API <small>{_e(info['version'])}</small></h1>",
        *(f"<p>{_e(text)}</p>" for text in info.get("description", "").split("\n\n")),
        "<p>The same as an OpenAPI document: <a href='/api/openapi.json'>/api/openapi.json</a></p>",
    ]
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            parts += _operation(method, path, operation)
    parts.append("<h1>Shapes</h1>")
    for name, shape in schema.get("components", {}).get("schemas", {}).items():
        parts += _shape(name, shape)
    parts.append("</body></html>")
    return "".join(parts).encode()


def _operation(method: str, path: str, operation: dict[str, Any]) -> list[str]:
    parts = [
        f"<h2>{_e(operation.get('summary', ''))}</h2><p><code>{method.upper()} {_e(path)}</code></p>",
        f"<p>{_e(operation.get('description', ''))}</p>",
    ]
    parameters = operation.get("parameters", [])
    if parameters:
        parts.append("<table><tr><th>Parameter<th>In<th>Meaning</tr>")
        parts += [
            f"<tr><td><code>{_e(p['name'])}</code><td>{_e(p['in'])}<td>{_e(p.get('description') or '')}</tr>"
            for p in parameters
        ]
        parts.append("</table>")
    content = operation["responses"].get("200", {}).get("content", {})
    for media in content.values():
        parts.append(f"<p>Answer: {_type(media.get('schema', {}))}</p>")
    return parts


def _shape(name: str, shape: dict[str, Any]) -> list[str]:
    rows = [
        f"<tr><td><code>{_e(k)}</code><td>{_type(v)}</tr>" for k, v in shape.get("properties", {}).items()
    ]
    table = f"<table><tr><th>Member<th>Type</tr>{''.join(rows)}</table>" if rows else ""
    return [
        f"<h2 id='{_e(name)}'>{_e(shape.get('title', name))}</h2>",
        f"<p>{_e(shape.get('description', ''))}</p>{table}",
    ]


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"<a href='#{_e(name)}'>{_e(name.rpartition('_')[2])}</a>"
    if "oneOf" in schema:
        return " or ".join(_type(choice) for choice in schema["oneOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{_e(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    return _e(str(schema.get("type", "any JSON value")))


def _e(text: str) -> str:
    return html.escape(text, quote=True)
