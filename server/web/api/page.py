"""The API's description: for programs at /openapi.json, for people at /api."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from flask import Response
from markupsafe import Markup, escape

from server.access.action import Action
from server.access.door import Route
from server.web.api.description import MEANINGS, document
from server.web.pages.layout import page
from server.web.visit import Visit

MAX_AGE_S: Final = 300
POSTED_TO: Final = "your webhook's address"


@dataclass(frozen=True)
class FieldShown:
    """One field of a model, as a line of a table."""

    name: str
    kind: str
    required: bool
    description: Markup


@dataclass(frozen=True)
class OperationShown:
    """One operation for a reader. `sent` and `given` are examples as indented JSON."""

    id: str
    method: str
    path: str
    summary: str
    description: Markup
    scopes: tuple[str, ...]
    parameters: tuple[FieldShown, ...]
    body: str
    body_fields: tuple[FieldShown, ...]
    sent: str
    status: str
    answer: str
    answer_fields: tuple[FieldShown, ...]
    given: str
    refusals: tuple[str, ...]


def openapi(_visit: Visit) -> Response:
    """The description as JSON. It says what there is to ask for and nothing of what is kept."""
    response = Response(_text(), mimetype="application/json")
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_S}"
    return response


@cache
def _text() -> str:
    return json.dumps(document(), ensure_ascii=False, indent=1)


def api_page(visit: Visit) -> Response:
    """The same for people."""
    return page(visit, "api.html", groups=_groups(), meanings=MEANINGS)


@cache
def _groups() -> dict[str, list[OperationShown]]:
    found: dict[str, list[OperationShown]] = {}
    told = document()
    for path, methods in (*told["paths"].items(), (POSTED_TO, told["webhooks"]["event"])):
        for method, said in methods.items():
            found.setdefault(said["tags"][0], []).append(_shown(path, method, said))
    return found


def _shown(path: str, method: str, said: dict[str, Any]) -> OperationShown:
    status, answer = next(iter(said["responses"].items()))
    body_type, body = _content(said.get("requestBody", {}))
    answer_type, given = _content(answer)
    refused = [code for code in said["responses"] if code != status]
    return OperationShown(
        id=said["operationId"],
        method=method.upper(),
        path=path,
        summary=said["summary"],
        description=_marked(said.get("description", "")),
        scopes=tuple(said.get("x-scopes", ())),
        parameters=tuple(_parameter(one) for one in said.get("parameters", [])),
        body=_called(body_type, body),
        body_fields=_fields(body.get("schema", {})),
        sent=_indented(body),
        status=status,
        answer=_called(answer_type, given),
        answer_fields=_fields(given.get("schema", {})),
        given=_indented(given),
        refusals=tuple(refused),
    )


def _content(said: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    for media_type, content in said.get("content", {}).items():
        return media_type, content
    return "", {}


def _called(media_type: str, content: dict[str, Any]) -> str:
    ref = content.get("schema", {}).get("$ref", "")
    return ref.rpartition("/")[2] or media_type


def _indented(content: dict[str, Any]) -> str:
    if "example" not in content:
        return ""
    return json.dumps(content["example"], ensure_ascii=False, indent=2)


def _parameter(said: dict[str, Any]) -> FieldShown:
    where = {"path": "path", "query": "query", "header": "header"}[said["in"]]
    kind = f"{_kind(said['schema'])}, {where}"
    return FieldShown(said["name"], kind, said["required"], _marked(said.get("description", "")))


def _marked(text: str) -> Markup:
    """A description with what stands between backticks as code."""
    parts = [
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _fields(schema: dict[str, Any]) -> tuple[FieldShown, ...]:
    node = _resolved(schema)
    required = node.get("required", [])
    return tuple(
        FieldShown(
            name,
            _kind(one),
            name in required,
            _marked(one.get("description", "") or _resolved(one).get("description", "")),
        )
        for name, one in node.get("properties", {}).items()
    )


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        node = _resolved(schema)
        if "enum" in node:
            return " | ".join(str(value) for value in node["enum"])
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) or '""' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    kind = str(schema.get("format") or schema.get("type") or "anything")
    limits = [
        f"{sign} {schema[name]:g}"
        for name, sign in (("minimum", "≥"), ("maximum", "≤"))
        if name in schema
    ]
    if "maxLength" in schema:
        limits.append(f"at most {schema['maxLength']} characters")
    return ", ".join((kind, *limits))


ROUTES = [
    Route("/openapi.json", openapi, Action.PUBLIC),
    Route("/api", api_page, Action.PUBLIC),
]
