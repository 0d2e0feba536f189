"""The OpenAPI document as one page: HTML without scripts, and nothing from another server."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from typing import Any

#: As the document says it; browsers are told the encoding besides.
MEDIA_TYPE = "text/html; charset=utf-8"

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-bottom: 1px solid; padding-bottom: .25rem }
code, pre { font: 14px/1.5 ui-monospace, monospace }
pre { overflow-x: auto; padding: .75rem; border: 1px solid; border-radius: .25rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0 }
.method { font-weight: 700 }
"""


def headers() -> dict[str, str]:
    """What a browser may do with the page: show it, by the one style that stands in it."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy}


@cache
def page() -> str:
    """The page of the code that answers."""
    from muster.api.openapi import openapi

    document = openapi()
    title = escape(f"{document['info']['title']} API")
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body><main>",
            f"<h1>{title}</h1><p>{escape(document['info']['description'])} ",
            'The same for programs: <a href="/openapi.json">openapi.json</a>.</p>',
            *_contents(document),
            *_operations(document),
            *_schemas(document),
            "</main></body></html>",
        )
    )


def _each(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _contents(document: Mapping[str, Any]) -> Iterator[str]:
    yield "<nav aria-label='Operations'><table>"
    for path, method, operation in _each(document):
        yield (
            f'<tr><td class="method">{method}</td>'
            f'<td><a href="#{escape(operation["operationId"])}"><code>{escape(path)}</code></a></td>'
            f"<td>{escape(operation['summary'])}</td></tr>"
        )
    yield "</table></nav>"


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    for path, method, operation in _each(document):
        yield (
            f'<h2 id="{escape(operation["operationId"])}"><span class="method">{method}</span> '
            f"<code>{escape(path)}</code></h2><p>{escape(operation['summary'])}</p>"
            f"<p>{escape(_who(operation))}</p>"
        )
        if parameters := operation.get("parameters"):
            yield "<table><tr><th>parameter</th><th>in</th><th>what fits</th></tr>"
            for each in parameters:
                yield (
                    f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
                    f"<td>{_fit(each['schema'])}</td></tr>"
                )
            yield "</table>"
        if body := operation.get("requestBody"):
            for kind, said in body["content"].items():
                yield f"<p>Body, <code>{escape(kind)}</code>: {_fit(said['schema'])}</p>"
        yield "<table><tr><th>answer</th><th>when</th><th>what</th></tr>"
        for status, answer in operation["responses"].items():
            shown = "".join(_fit(said["schema"]) for said in answer.get("content", {}).values())
            yield f"<tr><td>{status}</td><td>{escape(answer['description'])}</td><td>{shown}</td></tr>"
        yield "</table>"


def _schemas(document: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in document["components"]["schemas"].items():
        text = escape(json.dumps(schema, indent=2, ensure_ascii=False))
        yield f'<h2 id="schema-{escape(name)}">{escape(name)}</h2><pre>{text}</pre>'


def _who(operation: Mapping[str, Any]) -> str:
    roles = operation.get("x-muster-roles")
    if not operation["security"]:
        return (
            "Open to everybody." if roles is None else "Needs the signature of a webhook's sender."
        )
    scope = operation["x-muster-scope"]
    return f"Needs {scope}: {', '.join(roles) if roles else 'the token of the execution'}."


def _fit(schema: Mapping[str, Any]) -> str:
    reference = schema.get("$ref")
    if reference is None:
        return f"<code>{escape(json.dumps(schema, ensure_ascii=False))}</code>"
    name = escape(reference.rsplit("/", 1)[-1])
    return f'<a href="#schema-{name}">{name}</a>'
