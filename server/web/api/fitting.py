"""Holds what a program sent against its declared model and says, field by field, what does not fit."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import date
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from werkzeug.datastructures import MultiDict

from server.annotations.fields import capitalised, pointer
from server.annotations.validation import said
from server.foundation.errors import FieldProblem, Invalid
from server.web.bodies import fault_of_text

T = TypeVar("T")
Schema = dict[str, Any]
MOST_PROBLEMS = 50
EARLIEST_YEAR, LATEST_YEAR = 1900, 2200
_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class RequestRefused(Invalid):
    """What was sent does not fit the model of this request."""


def fitted(kind: type[T], sent: Any) -> T:
    """`sent` as a value of `kind`; raises RequestRefused with every field that does not fit."""
    schema, validator = _schema_of(kind)  # type: ignore[arg-type]  # a class is hashable
    found: dict[str, FieldProblem] = {}
    for error in validator.iter_errors(sent):
        for problem in _told(schema, error):
            found.setdefault(problem.pointer, problem)
    if not found:
        try:
            value = msgspec.convert(sent, kind)
        except msgspec.ValidationError as error:
            problem = _of_convert(error)
            found[problem.pointer] = problem
        else:
            found = {one.pointer: one for one in strange_times(value)}
            if not found:
                return value
    problems = sorted(found.values(), key=lambda one: one.pointer)[:MOST_PROBLEMS]
    raise RequestRefused(_NOTHING_DONE, problems, remedy=_CORRECT)


def fitted_query(kind: type[T], sent: MultiDict[str, str]) -> T:
    """A query string as a value of `kind`; raises RequestRefused. A name may repeat where it is a list."""
    hints = get_type_hints(kind, include_extras=True)
    problems, values = [], {}
    for name in sent:
        if name not in hints:
            problems.append(FieldProblem(pointer([name]), _unknown(name, list(hints))))
            continue
        texts = sent.getlist(name)
        many = _is_list(hints[name])
        if len(texts) > 1 and not many:
            problems.append(FieldProblem(pointer([name]), f"“{name}” is given more than once."))
        elif any(fault_of_text(text) for text in texts):
            problems.append(FieldProblem(pointer([name]), f"“{name}” cannot be read."))
        else:
            values[name] = texts if many else texts[0]
    for name, value in values.items():
        try:
            # A loose reading takes “20261101” for so many seconds since 1970.
            values[name] = msgspec.convert(value, hints[name], strict=_is_time(hints[name]))
            if values[name] is None:
                problems.append(
                    FieldProblem(pointer([name]), f"“{name}” has no value; leave it out.")
                )
        except msgspec.ValidationError as error:
            told = capitalised(str(error).split(" - at")[0])
            message = f"“{name}” does not fit; {said(value)} was given. {told}."
            problems.append(FieldProblem(pointer([name]), message))
    problems += strange_times(values)
    if problems:
        raise RequestRefused(_NOTHING_DONE, problems, remedy=_CORRECT)
    return kind(**values)


_NOTHING_DONE = "This request does not fit its description; nothing was done."
_CORRECT = "Correct the fields named; /openapi.json describes each."


@cache
def _schema_of(kind: type) -> tuple[Schema, Draft202012Validator]:
    schema = msgspec.json.schema(kind)
    return schema, Draft202012Validator(schema)


def _is_list(hint: Any) -> bool:
    if get_origin(hint) is list:
        return True
    if get_origin(hint) in (Union, UnionType):
        return any(_is_list(one) for one in get_args(hint) if one is not NoneType)
    inner = get_args(hint)
    return bool(inner) and hasattr(hint, "__metadata__") and _is_list(inner[0])


def _is_time(hint: Any) -> bool:
    inner = (_is_time(one) for one in get_args(hint))
    return any(inner) or (isinstance(hint, type) and issubclass(hint, date))


def _told(schema: Schema, error: ValidationError) -> Iterator[FieldProblem]:
    path = list(error.absolute_path)
    node = error.schema if isinstance(error.schema, dict) else {}
    if error.validator == "additionalProperties":
        known = list(node.get("properties", {}))
        for name in _names(error.instance):
            if name not in known:
                yield FieldProblem(pointer([*path, name]), _unknown(name, known))
        return
    if error.validator == "required":
        for name in node["required"]:
            if name not in _names(error.instance):
                wanted = in_words(schema, node.get("properties", {}).get(name, {}))
                yield FieldProblem(pointer([*path, name]), f"“{name}” is missing: {wanted}.")
        return
    name = str(path[-1]) if path else "The body"
    quoted = f"“{name}”" if path else name
    message = f"{quoted} has to be {in_words(schema, node)}; {said(error.instance)} was given."
    yield FieldProblem(pointer(path), message)


def _names(instance: object) -> list[str]:
    return list(instance) if isinstance(instance, dict) else []


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name[:100], known, n=1)
    remedy = f"Did you mean “{close[0]}”?" if close else "Leave it out."
    return f"“{name[:100]}” is not known here. {remedy}"


def in_words(schema: Schema, node: Schema) -> str:
    """What a place of a schema takes, in words."""
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    if "anyOf" in node:
        parts = [in_words(schema, one) for one in node["anyOf"]]
        return " or ".join(dict.fromkeys(parts))
    if "enum" in node:
        return "one of " + ", ".join(f"“{value}”" for value in node["enum"])
    if node.get("format") == "date":
        return "a date written YYYY-MM-DD"
    if node.get("format") == "date-time":
        return "a moment with its time zone, such as 2026-11-20T08:30:00+00:00"
    words = _KINDS.get(node.get("type", ""), "another value")
    limits = [f"{label} {node[name]:g}" for name, label in _LIMITS.items() if name in node]
    return " ".join((words, " and ".join(limits))).strip()


_LIMITS = {
    "minimum": "from",
    "maximum": "to",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "minLength": "of a length of at least",
    "maxLength": "of a length of at most",
    "minItems": "of at least so many entries:",
    "maxItems": "of at most so many entries:",
}


def strange_times(value: Any, path: tuple[object, ...] = ()) -> list[FieldProblem]:
    """Days and moments so far from ours that no calendar of ours reckons with them."""
    if isinstance(value, date):
        if EARLIEST_YEAR <= value.year <= LATEST_YEAR:
            return []
        wanted = f"The year lies between {EARLIEST_YEAR} and {LATEST_YEAR}."
        return [FieldProblem(pointer(path), wanted)]
    below: list[tuple[object, Any]] = []
    if isinstance(value, msgspec.Struct):
        below = [(name, getattr(value, name)) for name in value.__struct_fields__]
    elif isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    return [one for name, inner in below for one in strange_times(inner, (*path, name))]


def _of_convert(error: msgspec.ValidationError) -> FieldProblem:
    """What only the conversion sees, such as 31 February: its place is told as `$.a[0].b`."""
    message, _, place = str(error).partition(" - at `$")
    path = place.rstrip("`").replace("[", ".").replace("]", "").strip(".")
    steps = [step for step in path.split(".") if step]
    return FieldProblem(pointer(steps), f"{capitalised(message)}.")
