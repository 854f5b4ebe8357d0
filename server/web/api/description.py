"""The description of the API as an OpenAPI 3.1 document, made from the endpoints themselves."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import msgspec

from server.access.programs import LONGEST_KEY_DAYS
from server.access.scopes import BY_SCOPE, Scope
from server.web.api import events
from server.web.api.endpoint import Endpoint, Header, Media, Part
from server.web.api.table import DESCRIBED
from server.web.problems import TITLES

Json = dict[str, Any]
REF: Final = "#/components/schemas/{name}"
PROBLEM: Final = "Problem"
VERSION: Final = "1.0.0"
# What each status means here, in the order in which an asker meets them.
MEANINGS: Final[dict[int, str]] = {
    400: "The request cannot be understood.",
    401: "No key came with the request, or it is not good.",
    403: "The key is good and does not allow this.",
    404: "There is no such thing, or none that this key may know of.",
    409: "Somebody was faster, or the thing is not in a state in which this can be done.",
    412: "Another version of the protocol is spoken here.",
    413: "More was sent than is taken.",
    415: "What was sent is of a kind that is not taken.",
    422: "Values were refused; `problems` names each by its JSON pointer.",
    429: "The key asks too often; `Retry-After` says in how many seconds there is room again.",
    503: "Something that Margin stands on does not answer.",
}
_ABOUT: Final = f"""Everything that can be done on Margin's pages, as JSON.

**Keys.** An administrator makes a key on the hospital's page. It is shown once and sent with every
request as `Authorization: Bearer mgp_…`; it is good for at most {LONGEST_KEY_DAYS} days. A hospital's key
reaches that hospital's cases and no others. The token of a case's access link (`mgn_…`) reaches that case.

**Errors** have one shape, whatever went wrong: `code` for programs, `message` and `remedy` for people,
and `problems` with a JSON pointer to each field that was refused. Fields that are not known are refused.

**Repeating.** Where it says so, send `Idempotency-Key` with a fresh UUID. The same key and body within 48
hours make nothing twice and get the first answer again; the same key with another body is refused.

**Lists** name where to go on as `next`; send it as `after`. What is added meanwhile moves nothing.

**Changes** of a case's state name the `version` that you saw. If somebody was faster, the answer is 409.
"""


@cache
def document() -> Json:
    """The whole description, as JSON values. It is the same for everybody and holds no secret."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Margin", "version": VERSION, "description": _ABOUT},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(one.tag for one in DESCRIBED)],
        "security": [{"key": []}],
        "paths": _paths(),
        "webhooks": events.described(),
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A hospital system's key, or the token of a case's link.",
                }
            },
            "schemas": _schemas(),
            "responses": {f"E{status}": _problem(status) for status in MEANINGS},
        },
    }


def _paths() -> Json:
    paths: Json = {}
    for endpoint in DESCRIBED:
        url = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", endpoint.url)
        paths.setdefault(url, {})[endpoint.method.lower()] = _operation(endpoint)
    return paths


def _operation(endpoint: Endpoint) -> Json:
    said: Json = {
        "operationId": operation_id(endpoint),
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "x-action": endpoint.action.value,
        "x-scopes": [scope.value for scope in Scope if endpoint.action in BY_SCOPE[scope]],
        "responses": {str(endpoint.status): _answer(endpoint), **_refusals(endpoint)},
    }
    description = " ".join(filter(None, (endpoint.description, _codes(endpoint))))
    if description:
        said["description"] = description
    parameters = [*_path_parameters(endpoint), *_query_parameters(endpoint), *_headers(endpoint)]
    if parameters:
        said["parameters"] = parameters
    body = _body(endpoint)
    if body:
        said["requestBody"] = body
    return said


def operation_id(endpoint: Endpoint) -> str:
    """The name of an operation: its view's, which is unique within its module."""
    module = endpoint.view.__module__.rpartition(".")[2]
    return f"{module}.{endpoint.view.__name__}"


def _codes(endpoint: Endpoint) -> str:
    named = ", ".join(f"`{code}`" for code in endpoint.refusals)
    return f"Codes worth knowing: {named}." if named else ""


def _answer(endpoint: Endpoint) -> Json:
    headers = {
        header.name: {"description": header.description, "schema": {"type": "string"}}
        for header in endpoint.gives
    }
    if endpoint.answer is None:
        said: Json = {"description": "Done."}
    elif isinstance(endpoint.answer, Media):
        schema: Json = (
            {} if "json" in endpoint.answer.type else {"contentMediaType": endpoint.answer.type}
        )
        said = {
            "description": endpoint.answer.description,
            "content": {endpoint.answer.type: {"schema": schema}},
        }
    else:
        content: Json = {"schema": _ref(endpoint.answer)}
        if endpoint.example is not None:
            content["example"] = msgspec.to_builtins(endpoint.example)
        said = {"description": "Done.", "content": {"application/json": content}}
    return {**said, "headers": headers} if headers else said


def _refusals(endpoint: Endpoint) -> Json:
    possible = [401, 403, 404, 422, 429]
    if endpoint.method not in ("GET", "HEAD", "OPTIONS"):
        possible += [400, 409, 413]
    elif endpoint.refusals:
        possible.append(409)
    if endpoint.parts or endpoint.raw_body:
        possible.append(415)
    if endpoint.takes:
        possible += [400, 412]
    if isinstance(endpoint.answer, Media):
        possible.append(503)
    return {
        str(status): {"$ref": f"#/components/responses/E{status}"}
        for status in sorted(set(possible))
    }


def _path_parameters(endpoint: Endpoint) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"<(?:\w+:)?(\w+)>", endpoint.path)
    ]


def _query_parameters(endpoint: Endpoint) -> list[Json]:
    if endpoint.query is None:
        return []
    schema = msgspec.json.schema_components([endpoint.query], ref_template=REF)[1]
    properties = schema[endpoint.query.__name__]["properties"]
    required = schema[endpoint.query.__name__].get("required", [])
    found = []
    for name, said in properties.items():
        plain = _without_null(said)
        description = plain.pop("description", said.get("description", ""))
        parameter = {"name": name, "in": "query", "required": name in required, "schema": plain}
        found.append({**parameter, "description": description} if description else parameter)
    return found


def _without_null(said: Json) -> Json:
    """A parameter that is not given has no value: null cannot be written into an address."""
    plain = {name: value for name, value in said.items() if name != "default"}
    if "default" in said and said["default"] is not None:
        plain["default"] = said["default"]
    kinds = [one for one in plain.pop("anyOf", []) if one != {"type": "null"}]
    return (
        {**plain, **kinds[0]}
        if len(kinds) == 1
        else {**plain, **({"anyOf": kinds} if kinds else {})}
    )


def _headers(endpoint: Endpoint) -> list[Json]:
    headers = list(endpoint.takes)
    if endpoint.creates:
        headers.append(
            Header("Idempotency-Key", "A fresh UUID for each thing that is to be made once.")
        )
    return [
        {
            "name": header.name,
            "in": "header",
            "required": header.required,
            "description": header.description,
            "schema": {"type": "string"},
        }
        for header in headers
    ]


def _body(endpoint: Endpoint) -> Json:
    if endpoint.parts:
        return {
            "required": True,
            "content": {"multipart/form-data": {"schema": _form(endpoint.parts)}},
        }
    if endpoint.raw_body:
        return {"required": False, "content": {endpoint.raw_body: {"schema": {}}}}
    if endpoint.body is None:
        return {}
    content: Json = {"schema": _ref(endpoint.body)}
    if endpoint.sent is not None:
        content["example"] = msgspec.to_builtins(endpoint.sent)
    return {"required": True, "content": {"application/json": content}}


def _form(parts: tuple[Part, ...]) -> Json:
    return {
        "type": "object",
        "required": [part.name for part in parts if part.required],
        "additionalProperties": False,
        "properties": {
            part.name: {
                "description": part.description,
                **(
                    {"contentMediaType": "application/octet-stream"}
                    if part.is_file
                    else {"type": "string"}
                ),
            }
            for part in parts
        },
    }


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": REF.format(name=kind.__name__)}


def _schemas() -> Json:
    models = dict.fromkeys(
        kind
        for endpoint in DESCRIBED
        for kind in (endpoint.body, endpoint.answer, endpoint.query)
        if kind is not None and not isinstance(kind, Media)
    )
    models[events.Event] = None
    _, schemas = msgspec.json.schema_components(list(models), ref_template=REF)
    # What an address asks is told parameter by parameter; only what they refer to stands here.
    queries = {endpoint.query.__name__ for endpoint in DESCRIBED if endpoint.query is not None}
    return {
        PROBLEM: PROBLEM_SCHEMA,
        **{name: one for name, one in schemas.items() if name not in queries},
    }


PROBLEM_SCHEMA: Final[Json] = {
    "title": PROBLEM,
    "description": "What went wrong. Every error has this shape.",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "remedy", "problems"],
            "properties": {
                "code": {"type": "string", "description": "The fact, for programs."},
                "message": {"type": "string", "description": "What happened."},
                "remedy": {"type": "string", "description": "What to do; may be empty."},
                "problems": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["pointer", "message"],
                        "properties": {
                            "pointer": {
                                "type": "string",
                                "description": "JSON pointer (RFC 6901) into what was sent.",
                            },
                            "message": {"type": "string"},
                        },
                    },
                },
            },
        }
    },
}


def _problem(status: int) -> Json:
    problems = [{"pointer": "/question", "message": "“question” is missing: text."}]
    example = {
        "error": {
            "code": "request_refused" if status == 422 else "…",
            "message": f"{TITLES.get(status, MEANINGS[status].rstrip('.'))}.",
            "remedy": "",
            "problems": problems if status == 422 else [],
        }
    }
    said: Json = {
        "description": MEANINGS[status],
        "content": {
            "application/json": {"schema": {"$ref": REF.format(name=PROBLEM)}, "example": example}
        },
    }
    if status == 429:
        said["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
        }
    return said
